package tessera_test

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/money"

	tessera "tessera.example/client"
)

// Units and nanos must have one sign and lose nothing.
func TestMoney(t *testing.T) {
	for _, want := range []struct {
		amount string
		units  int64
		nanos  int32
		back   string
	}{
		{"9.90", 9, 900_000_000, "9.90"},
		{"-0.01", 0, -10_000_000, "-0.01"},
		{"-1.5", -1, -500_000_000, "-1.50"},
		{"7", 7, 0, "7.00"},
		{"9223372036854775807.999999999", 1<<63 - 1, 999_999_999, "9223372036854775807.999999999"},
	} {
		got, err := tessera.Money(want.amount, "EUR")
		must(t, err)
		back, err := tessera.FormatMoney(got)
		must(t, err)
		if got.Units != want.units || got.Nanos != want.nanos || back != want.back {
			t.Errorf("%s became %v and %s", want.amount, got, back)
		}
	}
}

// Nothing may be rounded, wrapped or guessed in silence.
func TestRefusedMoney(t *testing.T) {
	for _, amount := range []string{"0.0000000001", "NaN", "1/3", "1e3", "", "9223372036854775808"} {
		if got, err := tessera.Money(amount, "EUR"); err == nil {
			t.Errorf("%q became %v", amount, got)
		}
	}
	if _, err := tessera.Money("1", "eur"); err == nil {
		t.Error("eur was taken")
	}
	if _, err := tessera.Amount(&money.Money{Units: 1, Nanos: -1}); err == nil {
		t.Error("two signs were taken")
	}
}

// Every digit of a number must be kept, trailing zeros too.
func TestDecimal(t *testing.T) {
	got, err := tessera.Decimal("1.50")
	must(t, err)
	number, err := tessera.Number(got)
	must(t, err)
	if got.Value != "1.50" || number.RatString() != "3/2" {
		t.Fatal(got, number)
	}
}

// A day must stay that day, and what is no day must not become one.
func TestDate(t *testing.T) {
	day := time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC)
	back, err := tessera.Midnight(tessera.Date(day), time.UTC)
	must(t, err)
	if !back.Equal(day) {
		t.Fatal(back)
	}
	for _, wrong := range []*date.Date{{Year: 2026, Month: 1}, {Year: 2026, Month: 2, Day: 30}, nil} {
		if _, err := tessera.Midnight(wrong, time.UTC); err == nil {
			t.Errorf("%v was taken", wrong)
		}
	}
}
