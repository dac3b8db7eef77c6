//! The rules of an intent: what may be asked of the provider next, and what the list of what was asked means.

use contracts::payments::v1::{
    PaymentIntent, PaymentIntentState as State, PaymentTransaction, PaymentTransactionKind as Kind,
    PaymentTransactionState as Done, PaymentsReason,
};
use kit::{Error, Money, OffsetDateTime, Result, ensure};
use store::column::timestamp;

use crate::provider::{Answer, Ask};

/// How many things may be asked about one intent.
const TRANSACTIONS_MAX: usize = 1_000;

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// It is so already.
    Stay,
    /// The provider is to be asked for this much.
    Ask(Money),
}

/// What a call wants done with an intent.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What is to be asked.
    pub kind: Kind,
    /// For how much; none: for all there is.
    pub amount: Option<Money>,
    /// The caller's id of the request; empty when it has none.
    pub request_id: String,
}

impl Wish {
    /// The key under which the provider will know it: the same for a request that is sent again with its id.
    pub fn key(&self, intent: &PaymentIntent) -> String {
        let kind =
            self.kind.as_str_name().trim_start_matches("PAYMENT_TRANSACTION_KIND_").to_ascii_lowercase();
        if self.request_id.is_empty() {
            return format!("{}:{kind}:{}", intent.id, intent.transactions.len() + 1);
        }
        format!("{}:{kind}:{}", intent.id, self.request_id.to_ascii_lowercase())
    }

    /// Whether a transaction that is still open is what this wish asked for when it was sent before.
    pub fn is(&self, open: &PaymentTransaction, intent: &PaymentIntent) -> Result<bool> {
        if !self.request_id.is_empty() {
            return Ok(open.idempotency_key == self.key(intent));
        }
        let amount = money(open.amount.as_ref())?;
        Ok(open.kind() == self.kind && self.amount.is_none_or(|wanted| wanted == amount))
    }
}

/// What is asked of the provider and not settled: pending, or without an answer. There is one at the most.
pub fn open(intent: &PaymentIntent) -> Option<&PaymentTransaction> {
    intent.transactions.iter().find(|one| matches!(one.state(), Done::Pending | Done::Unknown))
}

/// Whether the money was set aside and nothing was asked since.
pub fn is_fresh(intent: &PaymentIntent) -> bool {
    intent.state() == State::Authorized && intent.transactions.len() == 1
}

/// The transaction of a key.
pub fn find<'a>(intent: &'a PaymentIntent, key: &str) -> Option<&'a PaymentTransaction> {
    intent.transactions.iter().find(|one| one.idempotency_key == key)
}

/// Decides whether a settled intent may do what is wished, and for how much.
pub fn plan(intent: &PaymentIntent, wish: &Wish) -> Result<Plan> {
    let sums = Sums::of(intent)?;
    let left = match (wish.kind, intent.state()) {
        (Kind::Void, State::Voided | State::Failed) => return Ok(Plan::Stay),
        (Kind::Void, State::Authorized) => return room(intent).map(|()| Plan::Ask(sums.authorized)),
        (Kind::Capture, State::Authorized) => sums.authorized,
        (Kind::Refund, State::Captured | State::PartiallyRefunded | State::Refunded) => {
            sums.captured.minus(sums.refunded)?
        }
        (_, state) => return Err(wrong_state(state)),
    };
    let amount = wish.amount.unwrap_or(left);
    if amount.currency != left.currency {
        return Err(Error::invalid("amount.currency_code", format!("must be {}", left.currency)));
    }
    ensure!(wish.amount.is_none() || amount.minor > 0, Error::invalid("amount", "must be more than zero"));
    if amount.minor > left.minor || left.minor == 0 {
        return Err(Error::from(PaymentsReason::AmountTooLarge).with("left", left));
    }
    room(intent).map(|()| Plan::Ask(amount))
}

/// Lists something that the provider is about to be asked.
pub fn begin(
    intent: &mut PaymentIntent,
    kind: Kind,
    amount: Money,
    key: String,
    now: OffsetDateTime,
) -> Result<()> {
    intent.transactions.push(PaymentTransaction {
        kind: kind.into(),
        state: Done::Pending.into(),
        amount: Some(amount.into()),
        time: Some(timestamp(now)),
        idempotency_key: key,
        failure_code: String::new(),
    });
    derive(intent)
}

/// What to ask the provider for an open transaction.
pub fn ask(intent: &PaymentIntent, transaction: &PaymentTransaction) -> Result<Ask> {
    Ok(Ask {
        key: transaction.idempotency_key.clone(),
        kind: transaction.kind(),
        amount: money(transaction.amount.as_ref())?,
        payment_method: intent.payment_method.clone(),
        intent_id: intent.id.clone(),
        reference: intent.provider_reference.clone(),
    })
}

/// Takes the provider's answer over. False when it says nothing new: what is settled stays as it is.
pub fn settle(intent: &mut PaymentIntent, key: &str, answer: &Answer) -> Result<bool> {
    let found = intent.transactions.iter_mut().find(|one| one.idempotency_key == key);
    let transaction = found.ok_or_else(|| Error::internal("an answer to what was never asked"))?;
    match (transaction.state(), answer) {
        (Done::Pending | Done::Unknown, Answer::Done { reference }) => {
            transaction.set_state(Done::Succeeded);
            intent.provider_reference.clone_from(reference);
        }
        (Done::Pending | Done::Unknown, Answer::Declined { code }) => {
            transaction.set_state(Done::Failed);
            transaction.failure_code.clone_from(code);
        }
        (Done::Pending, Answer::Silence) => transaction.set_state(Done::Unknown),
        _ => return Ok(false),
    }
    derive(intent)?;
    Ok(true)
}

/// The error for what does not fit the state.
pub fn wrong_state(state: State) -> Error {
    let name = state.as_str_name().trim_start_matches("PAYMENT_INTENT_STATE_");
    Error::from(PaymentsReason::WrongState).with("state", name)
}

/// Reads an amount of an intent, where it must be right.
pub fn money(amount: Option<&contracts::google::r#type::Money>) -> Result<Money> {
    amount.ok_or_else(|| Error::internal("an amount is missing"))?.to_money("amount").map_err(Error::internal)
}

fn room(intent: &PaymentIntent) -> Result<()> {
    if intent.transactions.len() < TRANSACTIONS_MAX {
        return Ok(());
    }
    Err(wrong_state(intent.state()).with("transactions", intent.transactions.len()))
}

/// What was done in all.
struct Sums {
    authorized: Money,
    captured: Money,
    refunded: Money,
    voided: bool,
}

impl Sums {
    fn of(intent: &PaymentIntent) -> Result<Self> {
        let zero = Money::zero(money(intent.amount.as_ref())?.currency);
        let mut sums = Self { authorized: zero, captured: zero, refunded: zero, voided: false };
        for one in intent.transactions.iter().filter(|one| one.state() == Done::Succeeded) {
            let amount = money(one.amount.as_ref())?;
            match one.kind() {
                Kind::Authorize => sums.authorized = sums.authorized.plus(amount)?,
                Kind::Capture => sums.captured = sums.captured.plus(amount)?,
                Kind::Refund => sums.refunded = sums.refunded.plus(amount)?,
                Kind::Void => sums.voided = true,
                Kind::Unspecified => {}
            }
        }
        Ok(sums)
    }

    fn state(&self) -> State {
        if self.voided {
            State::Voided
        } else if self.authorized.minor == 0 {
            State::Failed
        } else if self.captured.minor == 0 {
            State::Authorized
        } else if self.refunded.minor == 0 {
            State::Captured
        } else if self.refunded.minor < self.captured.minor {
            State::PartiallyRefunded
        } else {
            State::Refunded
        }
    }
}

/// State and amounts are what the transactions say, so that they can't disagree.
fn derive(intent: &mut PaymentIntent) -> Result<()> {
    let sums = Sums::of(intent)?;
    let state = match open(intent).map(PaymentTransaction::state) {
        Some(Done::Unknown) => State::Unknown,
        Some(_) => State::Processing,
        None => sums.state(),
    };
    intent.set_state(state);
    let amount = |sum: Money| (sum.minor > 0).then(|| sum.into());
    intent.authorized = amount(sums.authorized);
    intent.captured = amount(sums.captured);
    intent.refunded = amount(sums.refunded);
    intent.failure_code = match state {
        State::Failed => intent.transactions.last().map(|one| one.failure_code.clone()).unwrap_or_default(),
        _ => String::new(),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use kit::Currency;
    use proptest::prelude::*;

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::parse("EUR", "c").unwrap())
    }

    fn start(amount: i64) -> PaymentIntent {
        let mut intent =
            PaymentIntent { id: "i".into(), amount: Some(eur(amount).into()), ..PaymentIntent::default() };
        begin(&mut intent, Kind::Authorize, eur(amount), "auth".into(), OffsetDateTime::UNIX_EPOCH).unwrap();
        intent
    }

    fn done() -> Answer {
        Answer::Done { reference: "r".into() }
    }

    fn wish(kind: Kind, amount: Option<i64>) -> Wish {
        Wish { kind, amount: amount.map(eur), request_id: String::new() }
    }

    /// An intent that went through these; each is done at once.
    fn after(kinds: &[(Kind, i64)]) -> PaymentIntent {
        let mut intent = start(1_000);
        settle(&mut intent, "auth", &done()).unwrap();
        for (number, (kind, amount)) in kinds.iter().enumerate() {
            begin(&mut intent, *kind, eur(*amount), number.to_string(), OffsetDateTime::UNIX_EPOCH).unwrap();
            settle(&mut intent, &number.to_string(), &done()).unwrap();
        }
        intent
    }

    #[test]
    fn states_follow_from_what_was_done() {
        // Each way through the states of the contract, by what the provider has done.
        use Kind::{Capture, Refund, Void};
        for (kinds, state) in [
            (vec![], State::Authorized),
            (vec![(Capture, 700)], State::Captured),
            (vec![(Capture, 700), (Refund, 200)], State::PartiallyRefunded),
            (vec![(Capture, 700), (Refund, 200), (Refund, 500)], State::Refunded),
            (vec![(Void, 1_000)], State::Voided),
        ] {
            assert_eq!(after(&kinds).state(), state, "{kinds:?}");
        }
    }

    #[test]
    fn no_answer_is_neither_yes_nor_no() {
        // An unknown outcome must show as such, and end as what the provider says later; never the other way.
        let mut intent = start(1_000);
        assert_eq!(intent.state(), State::Processing);
        assert!(settle(&mut intent, "auth", &Answer::Silence).unwrap());
        assert_eq!((intent.state(), intent.authorized.is_none()), (State::Unknown, true));
        assert!(settle(&mut intent, "auth", &done()).unwrap());
        assert_eq!(intent.state(), State::Authorized);
        assert!(!settle(&mut intent, "auth", &Answer::Declined { code: "late".into() }).unwrap());
        assert!(!settle(&mut intent, "auth", &Answer::Silence).unwrap());
        assert_eq!(intent.state(), State::Authorized);
    }

    #[test]
    fn a_declined_capture_leaves_the_authorization() {
        // The money is still set aside, so the saga can void it or try again.
        let mut intent = after(&[]);
        begin(&mut intent, Kind::Capture, eur(1_000), "c".into(), OffsetDateTime::UNIX_EPOCH).unwrap();
        settle(&mut intent, "c", &Answer::Declined { code: "card_declined".into() }).unwrap();
        assert_eq!((intent.state(), intent.failure_code.as_str()), (State::Authorized, ""));
        assert_eq!(plan(&intent, &wish(Kind::Void, None)).unwrap(), Plan::Ask(eur(1_000)));
    }

    #[test]
    fn amounts_have_their_limits() {
        // Nothing above what is authorized is captured, nothing above what is captured is paid back.
        let refused =
            |intent: &PaymentIntent, kind, amount| plan(intent, &wish(kind, Some(amount))).unwrap_err();
        let authorized = after(&[]);
        assert!(refused(&authorized, Kind::Capture, 1_001).is(PaymentsReason::AmountTooLarge));
        assert!(refused(&authorized, Kind::Refund, 1).is(PaymentsReason::WrongState));
        assert_eq!(refused(&authorized, Kind::Capture, 0).violations()[0].field, "amount");
        let captured = after(&[(Kind::Capture, 700), (Kind::Refund, 300)]);
        assert!(refused(&captured, Kind::Refund, 401).is(PaymentsReason::AmountTooLarge));
        assert!(refused(&captured, Kind::Void, 1).is(PaymentsReason::WrongState));
        assert_eq!(plan(&captured, &wish(Kind::Refund, None)).unwrap(), Plan::Ask(eur(400)));
        let refunded = after(&[(Kind::Capture, 700), (Kind::Refund, 700)]);
        assert!(plan(&refunded, &wish(Kind::Refund, None)).unwrap_err().is(PaymentsReason::AmountTooLarge));
    }

    #[test]
    fn voiding_twice_stays_voided() {
        // A saga that goes backward may come by more than once.
        assert_eq!(plan(&after(&[(Kind::Void, 1_000)]), &wish(Kind::Void, None)).unwrap(), Plan::Stay);
        let mut failed = start(1_000);
        settle(&mut failed, "auth", &Answer::Declined { code: "card_declined".into() }).unwrap();
        assert_eq!((failed.state(), failed.failure_code.as_str()), (State::Failed, "card_declined"));
        assert_eq!(plan(&failed, &wish(Kind::Void, None)).unwrap(), Plan::Stay);
    }

    #[test]
    fn a_request_keeps_its_key() {
        // With the caller's id a request is the same however far the intent has come; without it each is its own.
        let (before, later) = (after(&[]), after(&[(Kind::Capture, 700)]));
        let named = Wish { request_id: "ABC".into(), ..wish(Kind::Refund, Some(1)) };
        assert_eq!(named.key(&before), named.key(&later));
        let unnamed = wish(Kind::Refund, Some(1));
        assert_ne!(unnamed.key(&before), unnamed.key(&later));
    }

    proptest! {
        #[test]
        fn amounts_never_exceed_each_other(
            steps in prop::collection::vec((0_usize..3, prop::option::of(1_i64..1_200), 0_usize..4), 1..40)
        ) {
            // Whatever is wished and answered, in any order: refunded <= captured <= authorized <= amount, one open at a time.
            let mut intent = start(1_000);
            for (number, (kind, amount, answer)) in steps.into_iter().enumerate() {
                let answer = [done(), Answer::Declined { code: "no".into() }, Answer::Silence, done()][answer].clone();
                if let Some(one) = open(&intent) {
                    let key = one.idempotency_key.clone();
                    settle(&mut intent, &key, &answer).unwrap();
                } else {
                    let wish = wish([Kind::Capture, Kind::Void, Kind::Refund][kind], amount);
                    if let Ok(Plan::Ask(amount)) = plan(&intent, &wish) {
                        begin(&mut intent, wish.kind, amount, number.to_string(), OffsetDateTime::UNIX_EPOCH).unwrap();
                    }
                }
                let minor = |amount: &Option<contracts::google::r#type::Money>| amount.as_ref().map_or(0, |one| money(Some(one)).unwrap().minor);
                let (authorized, captured, refunded) = (minor(&intent.authorized), minor(&intent.captured), minor(&intent.refunded));
                prop_assert!(0 <= refunded && refunded <= captured && captured <= authorized && authorized <= 1_000);
                prop_assert!(intent.transactions.iter().filter(|one| matches!(one.state(), Done::Pending | Done::Unknown)).count() <= 1);
                prop_assert!(intent.state() != State::Voided || captured == 0);
            }
        }
    }
}
