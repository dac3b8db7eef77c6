package tessera

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/decimal"
	"google.golang.org/genproto/googleapis/type/money"
)

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	number   = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)
	nanos    = big.NewInt(1_000_000_000)
)

// Money is an exact amount, such as Money("9.90", "EUR"). More than nine decimals are refused, not rounded.
func Money(amount, currencyCode string) (*money.Money, error) {
	if !currency.MatchString(currencyCode) {
		return nil, fmt.Errorf("tessera: %q is no currency code such as EUR", currencyCode)
	}
	exact, err := parseExact(amount)
	if err != nil {
		return nil, err
	}
	exact.Mul(exact, new(big.Rat).SetInt(nanos))
	if !exact.IsInt() {
		return nil, fmt.Errorf("tessera: %s has more than nine decimals", amount)
	}
	units, rest := new(big.Int).QuoRem(exact.Num(), nanos, new(big.Int))
	if !units.IsInt64() {
		return nil, fmt.Errorf("tessera: %s is larger than money can be", amount)
	}
	return &money.Money{CurrencyCode: currencyCode, Units: units.Int64(), Nanos: int32(rest.Int64())}, nil
}

// Amount is the exact number in a Money; the currency is in its CurrencyCode.
func Amount(value *money.Money) (*big.Rat, error) {
	units, rest := value.GetUnits(), int64(value.GetNanos())
	if (units > 0 && rest < 0) || (units < 0 && rest > 0) || rest <= -nanos.Int64() || rest >= nanos.Int64() {
		return nil, fmt.Errorf("tessera: units %d and nanos %d are no amount", units, rest)
	}
	exact := new(big.Rat).SetInt64(units)
	return exact.Add(exact, new(big.Rat).SetFrac(big.NewInt(rest), nanos)), nil
}

// FormatMoney is the amount as text with as many decimals as it needs, and two at least: 9.90.
func FormatMoney(value *money.Money) (string, error) {
	exact, err := Amount(value)
	if err != nil {
		return "", err
	}
	whole, decimals, _ := strings.Cut(exact.FloatString(9), ".")
	decimals = decimals[:2] + strings.TrimRight(decimals[2:], "0")
	return whole + "." + decimals, nil
}

// Decimal is an exact number, such as Decimal("1.50"); its digits stay as they are written.
func Decimal(text string) (*decimal.Decimal, error) {
	if _, err := parseExact(text); err != nil {
		return nil, err
	}
	return &decimal.Decimal{Value: strings.TrimPrefix(text, "+")}, nil
}

// Number is what a Decimal says; an empty one is zero.
func Number(value *decimal.Decimal) (*big.Rat, error) {
	if value.GetValue() == "" {
		return new(big.Rat), nil
	}
	return parseExact(value.Value)
}

// Date is the day of a moment, in the moment's own time zone.
func Date(moment time.Time) *date.Date {
	year, month, day := moment.Date()
	return &date.Date{Year: int32(year), Month: int32(month), Day: int32(day)}
}

// Midnight is when a day begins there; a date without a year, month or day is refused.
func Midnight(day *date.Date, location *time.Location) (time.Time, error) {
	moment := time.Date(int(day.GetYear()), time.Month(day.GetMonth()), int(day.GetDay()), 0, 0, 0, 0, location)
	if day.GetYear() == 0 || moment.Day() != int(day.GetDay()) || moment.Month() != time.Month(day.GetMonth()) {
		return time.Time{}, fmt.Errorf("tessera: %04d-%02d-%02d is no day", day.GetYear(), day.GetMonth(), day.GetDay())
	}
	return moment, nil
}

// Without exponents and fractions, which [big.Rat] would read too.
func parseExact(text string) (*big.Rat, error) {
	if exact, ok := new(big.Rat).SetString(text); ok && number.MatchString(text) {
		return exact, nil
	}
	return nil, fmt.Errorf("tessera: %q is no number", text)
}
