//! Intents: what is wished is written down before the provider is asked, and what it did right after.
//!
//! A call commits the intent with a pending transaction, asks the provider while nothing is locked, and commits
//! the outcome. Killed anywhere between, the next call or the job [`SYNC`] finds the pending transaction and asks
//! the provider by its key, so that nothing is charged twice and nothing stays in doubt.

use contracts::payments::v1::{
    AuthorizePaymentRequest, CapturePaymentRequest, PaymentAuthorized, PaymentCaptured, PaymentFailed,
    PaymentIntent, PaymentIntentApi, PaymentRefunded, PaymentTransactionKind as Kind,
    PaymentTransactionState as Done, PaymentUnknown, PaymentVoided, PaymentsReason, RefundPaymentRequest,
    SyncPaymentRequest, VoidPaymentRequest,
};
use kit::{Code, Duration, Error, Money, Result, Uuid};
use store::column::instant;
use store::{Cx, Next};

use crate::intent::{self, Plan, Wish};
use crate::provider;

/// The job that finds out what became of a request without an answer.
pub const SYNC: &str = "sync_payment";

/// When to look after a request whose process may have died: later than any call takes as a rule.
const AFTER_CRASH: Duration = Duration::seconds(60);

/// The first and the longest pause between two questions about an unknown outcome.
const PAUSES: (Duration, Duration) = (Duration::seconds(1), Duration::minutes(10));

/// How many wishes of others a call lets pass before it gives up.
const LOOKS_MAX: u32 = 32;

/// Payment intents.
#[derive(Debug)]
pub struct PaymentIntents;

impl PaymentIntentApi for PaymentIntents {
    async fn authorize_payment(
        &self,
        cx: &mut Cx,
        request: AuthorizePaymentRequest,
    ) -> Result<PaymentIntent> {
        let amount =
            amount_of(request.amount.as_ref())?.ok_or_else(|| Error::invalid("amount", "is required"))?;
        if amount.minor <= 0 {
            return Err(Error::invalid("amount", "must be more than zero"));
        }
        let mut wanted = PaymentIntent {
            id: cx.new_id(),
            source_id: request.source_id.clone(),
            amount: Some(amount.into()),
            provider: provider::default().name().to_owned(),
            payment_method: request.payment_method.clone(),
            ..PaymentIntent::default()
        };
        let key = format!("{}:authorize", wanted.id);
        intent::begin(&mut wanted, Kind::Authorize, amount, key, cx.now())?;
        let intent = cx.insert_later(wanted).await?;
        match commit_before_asking(cx, &intent).await {
            Ok(()) => ask(cx, intent, Known::Nothing).await,
            Err(error) if is_source_taken(&error) => {
                cx.rollback().await;
                let intent = of_source(cx, &request, amount).await?;
                ask(cx, intent, Known::Perhaps).await
            }
            Err(error) => Err(error),
        }
    }

    async fn capture_payment(&self, cx: &mut Cx, request: CapturePaymentRequest) -> Result<PaymentIntent> {
        let amount = amount_of(request.amount.as_ref())?;
        fulfil(cx, &request.id, Wish { kind: Kind::Capture, amount, request_id: request.request_id }).await
    }

    async fn void_payment(&self, cx: &mut Cx, request: VoidPaymentRequest) -> Result<PaymentIntent> {
        fulfil(cx, &request.id, Wish { kind: Kind::Void, amount: None, request_id: request.request_id }).await
    }

    async fn refund_payment(&self, cx: &mut Cx, request: RefundPaymentRequest) -> Result<PaymentIntent> {
        let amount = amount_of(request.amount.as_ref())?;
        fulfil(cx, &request.id, Wish { kind: Kind::Refund, amount, request_id: request.request_id }).await
    }

    async fn sync_payment(&self, cx: &mut Cx, request: SyncPaymentRequest) -> Result<PaymentIntent> {
        let intent = cx.glance(&request.id).await?;
        ask(cx, intent, Known::Perhaps).await
    }
}

/// The job: asks again until the outcome is known, ever more slowly.
pub async fn sync(cx: &mut Cx, id: String) -> Result<Next> {
    let intent = cx.glance(&id).await?;
    let intent = ask(cx, intent, Known::Perhaps).await?;
    let Some(open) = intent::open(&intent) else { return Ok(Next::Done) };
    let since = open.time.as_ref().map(|time| instant(time, "time")).transpose()?;
    let age = since.map_or(Duration::ZERO, |since| cx.now() - since);
    Ok(Next::At(cx.now() + age.clamp(PAUSES.0, PAUSES.1)))
}

/// Captures, voids or refunds, after what was asked before is settled.
async fn fulfil(cx: &mut Cx, id: &str, wish: Wish) -> Result<PaymentIntent> {
    let mut intent: PaymentIntent = cx.glance(id).await?;
    // As a rule one call comes for a fresh one. Of several one is the first, and the others run again and find it at work.
    if !intent::is_fresh(&intent) {
        intent = cx.lock(id).await?;
    }
    let mut looks = 0;
    while let Some(open) = intent::open(&intent) {
        let (key, is_same) = (open.idempotency_key.clone(), wish.is(open, &intent)?);
        // Others may go on while the provider is asked; what they settle is seen when the answer is written.
        cx.rollback().await;
        intent = ask(cx, intent, Known::Perhaps).await?;
        if is_same {
            return outcome(cx, intent, &key).await;
        }
        // Behind what is settled now somebody else may have asked for more already.
        looks += 1;
        if intent::open(&intent).is_some_and(|open| open.idempotency_key == key || looks == LOOKS_MAX) {
            return Err(in_doubt(cx, &intent).await?);
        }
    }
    let key = wish.key(&intent);
    if intent::find(&intent, &key).is_some() {
        return outcome(cx, intent, &key).await;
    }
    let Plan::Ask(amount) = intent::plan(&intent, &wish)? else { return Ok(intent) };
    intent::begin(&mut intent, wish.kind, amount, key.clone(), cx.now())?;
    let intent = cx.put_unchanged(intent, &["state", "transactions"]).await?;
    commit_before_asking(cx, &intent).await?;
    let intent = ask(cx, intent, Known::Nothing).await?;
    outcome(cx, intent, &key).await
}

/// What a call answers about its transaction. What was written stays, also when the answer is an error.
async fn outcome(cx: &mut Cx, intent: PaymentIntent, key: &str) -> Result<PaymentIntent> {
    let transaction = intent::find(&intent, key).ok_or_else(|| Error::internal("a transaction is lost"))?;
    match transaction.state() {
        Done::Succeeded => Ok(intent),
        Done::Failed => {
            let declined =
                Error::from(PaymentsReason::Declined).with("failure_code", &transaction.failure_code);
            cx.checkpoint().await?;
            Err(declined.with("payment_intent_id", &intent.id))
        }
        _ => Err(in_doubt(cx, &intent).await?),
    }
}

/// The error for an intent about which the provider is silent.
async fn in_doubt(cx: &mut Cx, intent: &PaymentIntent) -> Result<Error> {
    cx.checkpoint().await?;
    Ok(Error::from(PaymentsReason::OutcomeUnknown).with("payment_intent_id", &intent.id))
}

/// From here on a crash leaves a pending transaction, which the job finds when nobody else does.
async fn commit_before_asking(cx: &mut Cx, intent: &PaymentIntent) -> Result<()> {
    cx.enqueue(SYNC, &intent.id, cx.now() + AFTER_CRASH);
    cx.checkpoint().await
}

/// What the provider may know of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing: it was never asked.
    Nothing,
    /// It may have been asked already.
    Perhaps,
}

/// Asks the provider about what is open and has its answer written. Where somebody else has found it out meanwhile, the
/// commit of who asked first fails with CONFLICT, so that his call runs again and sees that.
async fn ask(cx: &mut Cx, mut intent: PaymentIntent, known: Known) -> Result<PaymentIntent> {
    let Some(open) = intent::open(&intent) else { return Ok(intent) };
    let provider = provider::named(&intent.provider)?;
    let ask = intent::ask(&intent, open)?;
    let answer = if known == Known::Perhaps { provider.query(cx, &ask.key).await? } else { None };
    let answer = match answer {
        Some(answer) => answer,
        // A request that never came there is sent again under its key: it was promised when it was written down.
        None => provider.perform(cx, &ask).await?,
    };
    if known == Known::Perhaps {
        // Several may have asked. Who asks first has the record as he wrote it, and as a rule nobody has changed it.
        intent = cx.lock(&intent.id).await?;
    }
    if !intent::settle(&mut intent, &ask.key, &answer)? {
        return Ok(intent);
    }
    const CHANGED: &[&str] = &[
        "authorized",
        "captured",
        "refunded",
        "state",
        "provider_reference",
        "failure_code",
        "transactions",
    ];
    let intent = cx.put_unchanged(intent, CHANGED).await?;
    tell(cx, &intent, &ask.key, ask.amount)?;
    Ok(intent)
}

/// Tells of a transaction that has just been settled, or is in doubt from now on.
fn tell(cx: &mut Cx, intent: &PaymentIntent, key: &str, amount: Money) -> Result<()> {
    let transaction = intent::find(intent, key).ok_or_else(|| Error::internal("a transaction is lost"))?;
    let (payment_intent_id, source_id, amount) =
        (intent.id.clone(), intent.source_id.clone(), Some(amount.into()));
    match (transaction.state(), transaction.kind()) {
        (Done::Unknown, _) => {
            cx.enqueue(SYNC, &intent.id, cx.now() + PAUSES.0);
            cx.emit(PaymentUnknown { payment_intent_id, source_id, amount })
        }
        (Done::Succeeded, Kind::Authorize) => {
            cx.emit(PaymentAuthorized { payment_intent_id, source_id, amount })
        }
        (Done::Succeeded, Kind::Capture) => cx.emit(PaymentCaptured { payment_intent_id, source_id, amount }),
        (Done::Succeeded, Kind::Void) => cx.emit(PaymentVoided { payment_intent_id, source_id, amount }),
        (Done::Succeeded, Kind::Refund) => {
            cx.emit(PaymentRefunded { payment_intent_id, source_id, amount, refund_key: key.to_owned() })
        }
        (Done::Failed, Kind::Authorize) => {
            let failure_code = transaction.failure_code.clone();
            cx.emit(PaymentFailed { payment_intent_id, source_id, amount, failure_code })
        }
        // A declined capture, void or refund changes nothing; its caller is told.
        _ => Ok(()),
    }
}

/// The intent that a source has already. Fails when it is for another amount or method.
async fn of_source(cx: &mut Cx, request: &AuthorizePaymentRequest, amount: Money) -> Result<PaymentIntent> {
    let source =
        Uuid::parse_str(&request.source_id).map_err(|_| Error::invalid("source_id", "must be a UUID"))?;
    let query = sqlx::query_as::<_, (Uuid,)>("select id from payment_intents where source_id = $1");
    let (id,) =
        cx.row(query.bind(source)).await?.ok_or_else(|| Error::internal("a taken source has no intent"))?;
    let intent: PaymentIntent = cx.get(&id.to_string()).await?;
    cx.checkpoint().await?;
    if intent::money(intent.amount.as_ref())? != amount || intent.payment_method != request.payment_method {
        return Err(Error::from(PaymentsReason::SourceTaken).with("payment_intent_id", intent.id));
    }
    Ok(intent)
}

fn amount_of(amount: Option<&contracts::google::r#type::Money>) -> Result<Option<Money>> {
    amount.map(|amount| amount.to_money("amount")).transpose()
}

fn is_source_taken(error: &Error) -> bool {
    error.code() == Code::AlreadyExists
        && error.metadata().get("constraint").is_some_and(|name| name == "payment_intents_source_id_key")
}
