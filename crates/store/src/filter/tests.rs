//! The grammar of filters, and the SQL they become.

use proptest::prelude::*;
use time::macros::datetime;

use super::ast::{Argument, At, Call, Compare, Literal, Node, Operator};
use super::parser::parse;
use super::{Params, Value, compile};
use crate::table::{Column, Kind, Table};

const fn column(name: &'static str, kind: Kind, nullable: bool) -> Column {
    Column {
        name,
        field: name,
        kind,
        nullable,
        output_only: false,
        immutable: false,
        personal: false,
        secret: false,
        read_permission: None,
        values: &[],
    }
}

static ITEMS: Table = Table {
    entity: "erp.test.v1.Item",
    noun: "item",
    name: "items",
    columns: &[
        column("id", Kind::Uuid, false),
        column("tenant_id", Kind::Uuid, false),
        column("name", Kind::Text, false),
        column("nickname", Kind::Text, true),
        column("active", Kind::Bool, false),
        column("position", Kind::Int32, false),
        column("stock", Kind::Int64, false),
        column("weight", Kind::Double, false),
        column("rate", Kind::Decimal, true),
        Column {
            values: &[("ITEM_STATE_OPEN", 1), ("OPEN", 1), ("ITEM_STATE_WON", 2), ("WON", 2)],
            ..column("state", Kind::Enum, false)
        },
        column("due_date", Kind::Date, true),
        Column { field: "price", ..column("price_minor", Kind::MoneyMinor, true) },
        Column { field: "price", ..column("price_currency", Kind::MoneyCurrency, true) },
        column("tags", Kind::TextArray, false),
        column("scores", Kind::Int32Array, false),
        column("address", Kind::Json, true),
        column("picture", Kind::Bytes, false),
        Column { secret: true, ..column("password", Kind::Text, false) },
        column("create_time", Kind::Timestamp, false),
        column("etag", Kind::Revision, false),
    ],
    search: &["name", "nickname"],
    soft_delete: false,
    aggregate: false,
    topic: None,
};

const NOW: time::OffsetDateTime = datetime!(2026-03-10 15:30:00.123456 UTC);

fn sql(text: &str) -> (String, Vec<Value>) {
    let mut params = Params::default();
    let sql = compile(&ITEMS, text, &mut params, NOW).unwrap_or_else(|error| panic!("{text}: {error}"));
    (sql, params.values().to_vec())
}

fn refused(text: &str) -> String {
    let error = compile(&ITEMS, text, &mut Params::default(), NOW).expect_err(text);
    assert_eq!(error.violations()[0].field, "filter");
    error.violations()[0].description.clone()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn tree(text: &str) -> String {
    fn show(node: &Node) -> String {
        let list = |name: &str, items: &[Node]| {
            format!("{name}({})", items.iter().map(show).collect::<Vec<_>>().join(", "))
        };
        match node {
            Node::And(items) => list("and", items),
            Node::Sequence(items) => list("seq", items),
            Node::Or(items) => list("or", items),
            Node::Not(inner) => format!("not({})", show(inner)),
            leaf => leaf.to_string(),
        }
    }
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).map_or_else(String::new, |node| show(&node))
}

#[test]
fn operators_bind_as_aip_160_says() {
    // OR must bind tighter than a sequence, and a sequence tighter than AND.
    assert_eq!(tree("a AND b OR c"), "and(a, or(b, c))");
    assert_eq!(tree("a OR b AND c"), "and(or(a, b), c)");
    assert_eq!(tree("a b AND c d"), "and(seq(a, b), seq(c, d))");
    assert_eq!(tree("a b OR c d"), "seq(a, or(b, c), d)");
    assert_eq!(tree("New York Giants OR Yankees"), "seq(New, York, or(Giants, Yankees))");
    assert_eq!(tree("NOT a OR b"), "or(not(a), b)");
    assert_eq!(tree("-a -b=1"), "seq(not(a), not(b = 1))");
    assert_eq!(tree("(a AND b)(c)"), "seq(and(a, b), c)");
    assert_eq!(tree(" NOT(a) "), "not(a)");
    assert_eq!(tree("  "), "");
    assert_eq!(tree("ANDroid ORion NOTE"), "seq(ANDroid, ORion, NOTE)");
}

#[test]
fn words_and_values_end_where_they_should() {
    // Paths, times, numbers, texts with quotes and functions must each be read as one piece.
    assert_eq!(tree("a.b.c=10.50"), "a.b.c = 10.50");
    assert_eq!(tree("a.AND=1"), "a.\"AND\" = 1");
    assert_eq!(tree("t>2026-01-31T10:00:00+01:00 x"), "seq(t > 2026-01-31T10:00:00+01:00, x)");
    assert_eq!(tree("a>=-3"), "a >= -3");
    assert_eq!(tree(r#"a = 'it\'s "so"'"#), r#"a = "it's \"so\"""#);
    assert_eq!(tree(r#"a = "*\*\u00e4""#), r#"a = "*\*ä""#);
    assert_eq!(tree("a:(x OR y)"), "a : (x OR y)");
    assert_eq!(tree("a > daysAgo( 7 , 'x' )"), "a > daysAgo(7, \"x\")");
    assert_eq!(tree("ann@example.com O'Brien"), "seq(ann@example.com, O'Brien)");
    assert_eq!(tree("a:*"), "a : *");
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    // Each fault must name the character that it is at.
    for (filter, wanted) in [
        ("name = ", "at character 8: the filter ends"),
        ("name = \"abc", "at character 8: the quoted text has no end"),
        ("ä = \"\\x\"", "at character 6: `\\x` is no escape"),
        ("(a", "at character 1: the parenthesis is not closed"),
        ("a)", "at character 2: `)` does not belong here"),
        ("a AND", "at character 3: a term should follow `AND`"),
        ("AND a", "at character 1: a term should stand before or after `AND`"),
        ("a OR OR b", "at character 6: a term should stand"),
        ("- a", "at character 1: what `-` excludes"),
        ("a = b = c", "at character 7: a value should stand instead of `=`"),
        ("f(x) = 1", "at character 1: a function stands on the right"),
        ("()", "at character 2: a value should stand instead of `)`"),
        ("a = \"\\u0000\"", "at character 6: four hex digits"),
        ("a\0", "at character 2: the character U+0000"),
    ] {
        let description = refused(filter);
        assert!(description.starts_with(wanted), "{filter}: {description}");
    }
}

#[test]
fn limits_hold() {
    // Length, number of terms and depth of parentheses are limited, each at its very number.
    assert!(parse(&"ä".repeat(2_000)).is_ok());
    assert!(parse(&"ä".repeat(2_001)).is_err());
    assert!(parse(&vec!["a"; 50].join(" ")).is_ok());
    assert!(parse(&vec!["a"; 51].join(" ")).is_err());
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(8)).is_ok());
    assert!(parse(&nested(9)).is_err());
    assert!(parse(&"(a) ".repeat(9)).is_ok());
}

#[test]
fn values_become_parameters_of_the_column_s_type() {
    // The SQL must be plain enough for an index, and the value typed.
    assert_eq!(sql("name = Ann"), ("\"name\" = $1".to_owned(), vec![text("Ann")]));
    assert_eq!(sql("position > -3"), ("\"position\" > $1".to_owned(), vec![Value::I32(-3)]));
    assert_eq!(sql("state != WON"), ("\"state\" <> $1".to_owned(), vec![Value::I32(2)]));
    assert_eq!(sql("state = ITEM_STATE_OPEN").1, vec![Value::I32(1)]);
    assert_eq!(sql("state = 2").1, vec![Value::I32(2)]);
    assert_eq!(sql("create_time > daysAgo(1)").1, vec![Value::Timestamp(NOW - time::Duration::DAY)]);
    assert_eq!(sql("due_date <= today()").1, vec![Value::Date(NOW.date())]);
    let midnight = datetime!(2026-03-10 00:00 UTC);
    assert_eq!(sql("create_time >= today()").1, vec![Value::Timestamp(midnight)]);
    assert_eq!(sql("create_time >= 2026-03-10").1, vec![Value::Timestamp(midnight)]);
    assert_eq!(sql("create_time = \"2026-03-10T01:00:00+01:00\"").1, vec![Value::Timestamp(midnight)]);
    assert_eq!(sql("tags:red").0, "\"tags\" @> array[$1]");
    assert_eq!(sql("").0, "true");
}

#[test]
fn conditions_join_without_surprise() {
    // NOT must also be true for null, and lists must keep their parentheses.
    assert_eq!(sql("NOT name = x").0, "((\"name\" = $1) is not true)");
    assert_eq!(
        sql("active=true AND position=1 OR position=2").0,
        "(\"active\" = $1 and (\"position\" = $2 or \"position\" = $3))"
    );
    assert_eq!(sql("position = (1 OR -2)").0, "(\"position\" = $1 or ((\"position\" = $2) is not true))");
    let (condition, values) = sql("50%_*x");
    assert_eq!(condition, "(\"name\" || chr(10) || coalesce(\"nickname\", '')) ilike $1");
    assert_eq!(values, vec![text("%50\\%\\_%x%")]);
    assert_eq!(sql("name = a*"), ("\"name\" like $1".to_owned(), vec![text("a%")]));
    assert_eq!(sql("name = \"a\\*\""), ("\"name\" = $1".to_owned(), vec![text("a*")]));
}

#[test]
fn what_does_not_fit_the_table_is_refused() {
    // Unknown and hidden fields, values of a wrong type and wrong enums must each be told with the choice.
    assert!(
        refused("x = 1 AND nam = 2").starts_with("at character 1: unknown field `x`; item has: id, name,")
    );
    assert!(refused("name = a nam = 2").contains("at character 10: unknown field `nam`"));
    let known = refused("x = 1");
    assert!(known.contains("price, tags") && known.contains("create_time"), "{known}");
    for hidden in ["tenant_id", "etag", "password", "picture", "price_minor"] {
        assert!(refused(&format!("{hidden} = 1")).contains("unknown field"), "{hidden}");
    }
    assert_eq!(refused("state = LOST"), "at character 9: `state` takes one of OPEN, WON");
    assert!(refused("state > OPEN").contains("has no order"));
    assert!(refused("active = 1").contains("`true` or `false`"));
    assert!(refused("position = 1.5").contains("whole number of 32 bits"));
    assert!(refused("weight = inf").contains("a number"));
    assert!(refused("id = x").contains("a UUID"));
    assert!(refused("due_date = \"\"").contains("NOT due_date:*"));
    assert!(refused("create_time > yesterday").contains("2026-01-31T10:00:00Z"));
    assert!(refused("create_time > daysAgo(x)").contains("whole days"));
    assert!(refused("create_time > later()").contains("unknown function `later`"));
    assert!(refused("name = now()").contains("times and dates"));
    assert!(refused("tags = red").contains("write `tags:value`"));
    assert!(refused("name.first = x").contains("is no message"));
    assert!(refused("address = x").contains("is a message"));
    assert!(refused("name != (a OR b)").contains("takes one value"));
    assert!(refused("price = \"1.005 EUR\"").contains("2 decimal digits of EUR"));
    assert!(refused("price = \"1.5 JPY\"").contains("0 decimal digits of JPY"));
    assert!(refused("price.amount = 1").contains("currency_code, units, nanos"));
    assert!(refused("price = cheap").contains("10.50 EUR"));
}

fn quoted_literal() -> impl Strategy<Value = Literal> {
    prop::collection::vec((any::<char>(), any::<bool>()), 0..8).prop_map(|letters| {
        let (mut text, mut stars) = (String::new(), Vec::new());
        for (letter, is_star) in letters {
            let letter = if is_star && letter.is_ascii() { '*' } else { letter };
            if letter == '*' && is_star {
                stars.push(text.len());
            }
            text.push(if letter == '\0' { '0' } else { letter });
        }
        Literal { text, stars, quoted: true, at: At(0) }
    })
}

fn unquoted(pattern: &'static str) -> impl Strategy<Value = Literal> {
    let word =
        pattern.prop_filter("keywords are no words", |text| !matches!(text.as_str(), "AND" | "OR" | "NOT"));
    word.prop_map(|text| {
        let stars = text.match_indices('*').map(|(place, _)| place).collect();
        Literal { text, stars, quoted: false, at: At(0) }
    })
}

fn word() -> impl Strategy<Value = Node> {
    let unquoted = unquoted("[a-zA-Zä_@*][a-zA-Z0-9_@*-]{0,5}(\\.[a-zA-Z*]{1,3})?");
    prop_oneof![unquoted, quoted_literal()].prop_map(Node::Word)
}

fn value() -> impl Strategy<Value = Literal> {
    prop_oneof![unquoted("[a-zA-Z0-9_.:@/+*-]{1,8}"), quoted_literal()]
}

fn argument() -> impl Strategy<Value = Argument> {
    let call = ("[a-zA-Z]{1,6}", prop::collection::vec(value(), 0..3));
    prop_oneof![
        4 => value().prop_map(Argument::Value),
        1 => call.prop_map(|(name, arguments)| Argument::Call(Call { name, arguments, at: At(0) })),
        1 => prop::collection::vec(word(), 2..4).prop_map(|words| Argument::Group(Box::new(Node::Or(words)))),
        1 => word().prop_map(|word| Argument::Group(Box::new(word))),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Has,
    ]);
    let part = prop_oneof![3 => "[a-z_]{1,6}", 1 => "[^\0]{0,4}", 1 => Just("NOT".to_owned())];
    let compare = (prop::collection::vec(part, 1..4), operator, argument());
    let compare = compare.prop_map(|(path, operator, argument)| {
        Node::Compare(Compare { path, operator, argument, at: At(0) })
    });
    prop_oneof![word(), compare].prop_recursive(4, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            list().prop_map(Node::And),
            list().prop_map(Node::Sequence),
            list().prop_map(Node::Or),
            inner.clone().prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is sent, the answer is a tree or an error and no panic.
    #[test]
    fn any_text_is_answered(text in "\\PC{0,40}", noise in "[a-z0-9 ()=<>!:.,*\"'\\\\-]{0,60}") {
        for text in [text, noise] {
            let _ = compile(&ITEMS, &text, &mut Params::default(), NOW);
        }
    }

    /// What a tree prints is read as the same tree.
    #[test]
    fn a_printed_tree_comes_back(node in node()) {
        let text = node.to_string();
        prop_assume!(text.chars().count() <= super::MAX_CHARACTERS);
        match parse(&text) {
            Ok(read) => prop_assert_eq!(read.as_ref(), Some(&node), "{}", text),
            Err(error) => prop_assert!(false, "{}: {}", text, error),
        }
    }

    /// Nothing that a caller wrote as a value stands in the SQL, and every parameter does.
    #[test]
    fn values_never_reach_the_sql(
        field in prop::sample::select(vec!["name", "nickname", "tags", "address.zip", "address.a.b"]),
        operator in prop::sample::select(vec!["=", "!=", "<", ":"]),
        value in "qqq[ -~]{0,10}",
    ) {
        let literal = value.replace('\\', "\\\\").replace('"', "\\\"");
        let mut params = Params::starting_at(4);
        if let Ok(sql) = compile(&ITEMS, &format!("{field} {operator} \"{literal}\""), &mut params, NOW) {
            prop_assert!(!sql.contains("qqq"), "{}", sql);
            for number in 4..4 + params.values().len() {
                let placeholder = format!("${number}");
                prop_assert!(sql.contains(&placeholder), "{}", sql);
            }
        }
    }
}
