//! Random filters, each as text and as a function that tells what should match. It shares nothing with the
//! compiler: the text is printed and the function built side by side.

use std::rc::Rc;

use rand::Rng;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::fixture::{self, Item, NAMES, NOW, TAGS, TODAY, pick};

type Matches = Rc<dyn Fn(&Item) -> bool>;
type Holds<T> = fn(&T, &T) -> bool;

/// A filter and its meaning.
#[derive(Clone)]
pub struct Filter {
    pub text: String,
    pub matches: Matches,
    /// How tight it binds: AND 0, sequence 1, OR 2, NOT 3, a restriction 4.
    strength: u8,
}

fn leaf(text: String, matches: impl Fn(&Item) -> bool + 'static) -> Filter {
    Filter { text, matches: Rc::new(matches), strength: 4 }
}

/// A filter that is this deep at the most.
pub fn filter(random: &mut StdRng, depth: u32) -> Filter {
    let form = if depth == 0 { 9 } else { random.random_range(0..10) };
    match form {
        0 | 1 => list(random, depth, 0, " AND ", |all| all),
        2 => list(random, depth, 1, " ", |all| all),
        3 | 4 => list(random, depth, 2, " OR ", |all| !all),
        5 => {
            let inner = filter(random, depth - 1);
            let not = if random.random() { "NOT " } else { "-" };
            let text = format!("{not}{}", inside(&inner, 3));
            let matches = inner.matches;
            Filter { text, matches: Rc::new(move |item| !matches(item)), strength: 3 }
        }
        _ => restriction(random),
    }
}

fn list(random: &mut StdRng, depth: u32, strength: u8, joint: &str, is_all: fn(bool) -> bool) -> Filter {
    let items: Vec<_> = (0..random.random_range(2..4)).map(|_| filter(random, depth - 1)).collect();
    let text = items.iter().map(|item| inside(item, strength)).collect::<Vec<_>>().join(joint);
    let matches: Matches = if is_all(true) {
        Rc::new(move |item| items.iter().all(|inner| (inner.matches)(item)))
    } else {
        Rc::new(move |item| items.iter().any(|inner| (inner.matches)(item)))
    };
    Filter { text, matches, strength }
}

fn inside(filter: &Filter, outer: u8) -> String {
    if filter.strength > outer { filter.text.clone() } else { format!("({})", filter.text) }
}

fn quoted(random: &mut StdRng, text: &str, keep_stars: bool) -> String {
    let quote = pick(random, &["\"", "'"]);
    let text = text.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
    let text = if keep_stars { text } else { text.replace('*', "\\*") };
    format!("{quote}{text}{quote}")
}

/// An operator that orders or equals, with its meaning.
fn operator<T: PartialOrd + 'static>(random: &mut StdRng) -> (&'static str, Holds<T>) {
    let all: [(&'static str, Holds<T>); 6] = [
        ("=", |a, b| a == b),
        ("!=", |a, b| a != b),
        ("<", |a, b| a < b),
        ("<=", |a, b| a <= b),
        (">", |a, b| a > b),
        (">=", |a, b| a >= b),
    ];
    pick(random, &all)
}

/// `field op value`, where an unset field matches nothing.
fn ordered<T: PartialOrd + 'static>(
    random: &mut StdRng,
    field: &str,
    written: String,
    value: T,
    get: impl Fn(&Item) -> Option<T> + 'static,
) -> Filter {
    let (sign, holds) = operator::<T>(random);
    let space = pick(random, &["", " "]);
    leaf(format!("{field}{space}{sign}{space}{written}"), move |item| {
        get(item).is_some_and(|it| holds(&it, &value))
    })
}

fn present(field: &str, is_set: impl Fn(&Item) -> bool + 'static) -> Filter {
    leaf(format!("{field}:*"), is_set)
}

fn restriction(random: &mut StdRng) -> Filter {
    match random.random_range(0..22) {
        0 | 1 => text(random, "name", |item| Some(item.name.clone())),
        2 | 3 => text(random, "nickname", |item| item.nickname.clone()),
        4 => word(random),
        5 => {
            let value: bool = random.random();
            leaf(format!("active = {value}"), move |item| item.active == value)
        }
        6 => {
            let value = pick(random, &[-1, 0, 1, i32::MAX]);
            ordered(random, "position", value.to_string(), value, |item| Some(item.position))
        }
        7 => {
            let value = pick(random, &[0, 7, i64::MIN, i64::MAX]);
            ordered(random, "stock", value.to_string(), value, |item| Some(item.stock))
        }
        8 => {
            let value = fixture::weight(random);
            ordered(random, "weight", format!("{value:?}"), value, |item| item.weight)
        }
        9 => {
            let value = fixture::rate(random);
            ordered(random, "rate", value.to_string(), value, |item| item.rate)
        }
        10 => state(random),
        11 => {
            let value = fixture::owner(random);
            let written = quoted(random, &value.to_string(), false);
            ordered(random, "owner_id", written, value, |item| item.owner_id)
        }
        12 => date(random),
        13 | 14 => instant(random),
        15 | 16 => money(random),
        17 => tags(random),
        18 => presence(random),
        19 | 20 => address(random),
        _ => labels_and_lines(random),
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(place, _)| place).chain([rest.len()]);
            ends.into_iter().any(|place| fits(tail, &rest[place..]))
        }),
    }
}

fn text(random: &mut StdRng, field: &str, get: fn(&Item) -> Option<String>) -> Filter {
    let value = pick(random, &NAMES).to_owned();
    match random.random_range(0..4) {
        0 => {
            let written = quoted(random, &value, false);
            ordered(random, field, written, value, get)
        }
        1 => {
            let part: String = value.chars().skip(1).take(3).collect();
            let written = format!("{field}:{}", quoted(random, &part, false));
            let part = part.to_lowercase();
            leaf(written, move |item| get(item).is_some_and(|text| text.to_lowercase().contains(&part)))
        }
        2 => {
            let length = value.chars().count();
            let head: String = value.chars().take(length / 2).collect();
            let pattern =
                pick(random, &[format!("{head}*"), format!("*{head}*"), "a*b".to_owned(), "*n*".to_owned()]);
            let differs: bool = random.random();
            let sign = if differs { "!=" } else { "=" };
            let written = format!("{field} {sign} {}", quoted(random, &pattern, true));
            leaf(written, move |item| get(item).is_some_and(|text| fits(&pattern, &text) != differs))
        }
        _ => {
            let other = pick(random, &NAMES).to_owned();
            let values = format!("{} OR {}", quoted(random, &value, false), quoted(random, &other, false));
            leaf(format!("{field} = ({values})"), move |item| {
                get(item).is_some_and(|text| text == value || text == other)
            })
        }
    }
}

fn word(random: &mut StdRng) -> Filter {
    let value = pick(random, &["ann", "ÄNNE", "%", "_", "off", "日本", "\\", "\"", "müller"]);
    let written = if value.chars().all(char::is_alphanumeric) {
        value.to_owned()
    } else {
        quoted(random, value, false)
    };
    let value = value.to_lowercase();
    leaf(written, move |item| {
        let texts = [Some(&item.name), item.nickname.as_ref()];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&value))
    })
}

fn state(random: &mut StdRng) -> Filter {
    let (value, names) = pick(
        random,
        &[
            (0, ["UNSPECIFIED", "ITEM_STATE_UNSPECIFIED", "0"]),
            (1, ["OPEN", "ITEM_STATE_OPEN", "1"]),
            (2, ["WON", "ITEM_STATE_WON", "2"]),
        ],
    );
    let differs: bool = random.random();
    let sign = if differs { "!=" } else { "=" };
    leaf(format!("state {sign} {}", pick(random, &names)), move |item| (item.state == value) != differs)
}

fn date(random: &mut StdRng) -> Filter {
    if random.random_bool(0.3) {
        return ordered(random, "due_date", "daysAgo(1)".to_owned(), TODAY - Duration::DAY, |item| {
            item.due_date
        });
    }
    let value = fixture::day(random);
    ordered(random, "due_date", value.to_string(), value, |item| item.due_date)
}

fn instant(random: &mut StdRng) -> Filter {
    let value = fixture::instant(random);
    let (written, value) = match random.random_range(0..4) {
        0 => ("now()".to_owned(), NOW),
        1 => ("daysAgo(2)".to_owned(), NOW - Duration::days(2)),
        2 => ("today()".to_owned(), TODAY.midnight().assume_utc()),
        _ => {
            let offset = time::UtcOffset::from_hms(random.random_range(-11..12), 30, 0)
                .unwrap_or(time::UtcOffset::UTC);
            let text = value.to_offset(offset).format(&Rfc3339).unwrap();
            (if random.random() { text.clone() } else { quoted(random, &text, false) }, value)
        }
    };
    if random.random() {
        ordered(random, "create_time", written, value, |item| Some(item.create_time))
    } else {
        ordered(random, "delete_time", written, value, |item| item.delete_time)
    }
}

fn digits(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

fn money(random: &mut StdRng) -> Filter {
    let minor: i64 = pick(random, &[0, 1, 10, 1_050, 10_500, -1_050, 1_000]);
    let currency = pick(random, &["EUR", "USD", "JPY", "KWD"]);
    let amount = Decimal::new(minor, digits(currency));
    let units = |item: &Item| item.price.map(|(minor, currency)| minor / 10_i64.pow(digits(currency)));
    match random.random_range(0..5) {
        0 => ordered(random, "price", amount.to_string(), amount, |item| {
            item.price.map(|(minor, currency)| Decimal::new(minor, digits(currency)))
        }),
        1 => {
            let (sign, holds) = operator::<i64>(random);
            let written = quoted(random, &format!("{amount} {currency}"), false);
            leaf(format!("price {sign} {written}"), move |item| match item.price {
                None => false,
                Some((_, other)) if other != currency => sign == "!=",
                Some((other, _)) => holds(&other, &minor),
            })
        }
        2 => ordered(random, "price.currency_code", currency.to_owned(), currency, |item| {
            item.price.map(|(_, currency)| currency)
        }),
        3 => {
            let value = pick(random, &[0, 10, -10, 1]);
            ordered(random, "price.units", value.to_string(), value, units)
        }
        _ => ordered(random, "price.nanos", "500000000".to_owned(), 500_000_000, |item| {
            item.price.map(|(minor, currency)| {
                let scale = 10_i64.pow(digits(currency));
                minor % scale * (1_000_000_000 / scale)
            })
        }),
    }
}

fn tags(random: &mut StdRng) -> Filter {
    if random.random_bool(0.3) {
        let value = random.random_range(0..3);
        return leaf(format!("scores:{value}"), move |item| item.scores.contains(&value));
    }
    if random.random_bool(0.3) {
        return leaf("tags:\"*e*\"".to_owned(), |item| item.tags.iter().any(|tag| tag.contains('e')));
    }
    let value = pick(random, &TAGS).to_owned();
    leaf(format!("tags:{}", quoted(random, &value, false)), move |item| item.tags.contains(&value))
}

fn presence(random: &mut StdRng) -> Filter {
    match random.random_range(0..10) {
        0 => present("name", |item| !item.name.is_empty()),
        1 => present("nickname", |item| item.nickname.is_some()),
        2 => present("position", |item| item.position != 0),
        3 => present("state", |item| item.state != 0),
        4 => present("delete_time", |item| item.delete_time.is_some()),
        5 => present("price", |item| item.price.is_some()),
        6 => present("tags", |item| !item.tags.is_empty()),
        7 => present("address", |item| item.address.is_some()),
        8 => present("labels", |item| item.labels.as_ref().is_some_and(|labels| !labels.is_empty())),
        _ => present("address.geo", |item| {
            item.address.as_ref().is_some_and(|address| address.country.is_some())
        }),
    }
}

fn address(random: &mut StdRng) -> Filter {
    match random.random_range(0..7) {
        0 => {
            let value = pick(random, &["Berlin", "München", "São Paulo"]).to_owned();
            let written = quoted(random, &value, false);
            ordered(random, "address.locality", written, value, |item| {
                item.address.as_ref().map(|address| address.locality.clone())
            })
        }
        1 => leaf("address.locality = \"*e*l*\"".to_owned(), |item| {
            item.address.as_ref().is_some_and(|address| fits("*e*l*", &address.locality))
        }),
        2 => {
            let value = pick(random, &["DE", "BR"]).to_owned();
            ordered(random, "address.geo.country", value.clone(), value, |item| {
                item.address.as_ref().and_then(|address| address.country.clone())
            })
        }
        3 => {
            let value = random.random_range(1..4);
            ordered(random, "address.floor", value.to_string(), value, |item| {
                item.address.as_ref().map(|address| address.floor)
            })
        }
        4 => ordered(random, "address.zip", "1067".to_owned(), 1067, |item| {
            item.address.as_ref().and_then(|address| address.zip.parse().ok())
        }),
        5 => {
            let value = fixture::instant(random);
            let written = value.format(&Rfc3339).unwrap();
            ordered(random, "address.since", written, value, |item: &Item| -> Option<OffsetDateTime> {
                item.address.as_ref().map(|address| address.since)
            })
        }
        _ => {
            let value: bool = random.random();
            leaf(format!("address.verified = {value}"), move |item| {
                item.address.as_ref().is_some_and(|address| address.verified == value)
            })
        }
    }
}

fn labels_and_lines(random: &mut StdRng) -> Filter {
    let (key, written) = pick(random, &[("env", "env"), ("my.key", "\"my.key\""), ("tier", "tier")]);
    let label = move |item: &Item| item.labels.as_ref().and_then(|labels| labels.get(key).cloned());
    match random.random_range(0..5) {
        0 => leaf(format!("labels:{written}"), move |item| label(item).is_some()),
        1 => {
            let value = pick(random, &["prod", "Prod", "2"]).to_owned();
            let literal = quoted(random, &value, false);
            ordered(random, &format!("labels.{written}"), literal, value, label)
        }
        2 => leaf(format!("labels.{written}:prod"), move |item| {
            label(item).is_some_and(|value| value == "prod")
        }),
        3 => {
            let value = pick(random, &["A-1", "A-*", "B"]);
            leaf(format!("lines.sku:{value}"), move |item| {
                item.lines.iter().flatten().any(|(sku, _)| fits(value, sku))
            })
        }
        _ => {
            let value = random.random_range(1..4);
            leaf(format!("lines.count:{value}"), move |item| {
                item.lines.iter().flatten().any(|(_, count)| *count == value)
            })
        }
    }
}
