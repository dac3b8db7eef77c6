"""Exact numbers and days; these tests need no suite."""

from __future__ import annotations

import datetime
import decimal
from decimal import Decimal

import pytest
from google.type import date_pb2, decimal_pb2, money_pb2

from tessera import from_date, from_decimal, from_money, to_date, to_decimal, to_money


@pytest.mark.parametrize(
    ("value", "units", "nanos", "back"),
    [
        ("9.90", 9, 900_000_000, "9.90"),
        ("-0.01", 0, -10_000_000, "-0.01"),
        ("-1.5", -1, -500_000_000, "-1.50"),
        (7, 7, 0, "7.00"),
        ("0", 0, 0, "0.00"),
        ("0.123456789", 0, 123_456_789, "0.123456789"),
        ("1e3", 1000, 0, "1000.00"),
        (Decimal("9223372036854775807.999999999"), 2**63 - 1, 999_999_999, "9223372036854775807.999999999"),
    ],
)
def test_money_goes_there_and_back(value: Decimal | int | str, units: int, nanos: int, back: str) -> None:
    # Units and nanos must have one sign and lose nothing, even where the caller's own context would round.
    with decimal.localcontext() as rounding:
        rounding.prec = 3
        money = to_money(value, "EUR")
        assert (money.units, money.nanos, money.currency_code) == (units, nanos, "EUR")
        amount = from_money(money)
    assert (str(amount.value), amount.currency_code) == (back, "EUR")


@pytest.mark.parametrize("value", [0.1, True, None])
def test_a_number_that_is_not_exact_is_refused(value: object) -> None:
    # A float has lost cents before it arrives, so it must not pass.
    with pytest.raises(TypeError):
        to_money(value, "EUR")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        to_decimal(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["0.0000000001", "NaN", "Infinity", "ten", "9223372036854775808"])
def test_an_amount_that_money_cannot_hold_is_refused(value: str) -> None:
    # Nothing may be rounded or wrapped in silence.
    with pytest.raises(ValueError, match=r"\S"):
        to_money(value, "EUR")


@pytest.mark.parametrize("code", ["", "eur", "EURO", "€€€"])
def test_a_currency_is_three_capitals(code: str) -> None:
    # An amount without a currency must not come about.
    with pytest.raises(ValueError, match="currency"):
        to_money(1, code)


def test_money_of_two_signs_is_refused() -> None:
    # What no sender may write must not be read as an amount.
    with pytest.raises(ValueError, match="no amount"):
        from_money(money_pb2.Money(currency_code="EUR", units=1, nanos=-1))


@pytest.mark.parametrize(
    ("value", "text"), [("1.50", "1.50"), (3, "3"), ("-0.000001", "-0.000001"), ("1E-7", "0.0000001")]
)
def test_a_decimal_goes_there_and_back(value: int | str, text: str) -> None:
    # Every digit must be kept, trailing zeros too, and without an exponent.
    assert to_decimal(value).value == text
    assert str(from_decimal(to_decimal(value)).normalize()) == str(Decimal(value).normalize())


def test_an_empty_decimal_is_zero() -> None:
    # That is what the type's definition says.
    assert from_decimal(decimal_pb2.Decimal()) == 0


def test_a_date_goes_there_and_back() -> None:
    # A day must stay that day, and what is no whole day must not become one.
    day = datetime.date(2028, 2, 29)
    assert from_date(to_date(day)) == day
    with pytest.raises(ValueError, match="no whole day"):
        from_date(date_pb2.Date(year=2026, month=1))
    with pytest.raises(TypeError):
        to_date(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
