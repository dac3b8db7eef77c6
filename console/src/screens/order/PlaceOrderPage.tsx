// Placing an order: who, what and how many, with prices, stock and totals before anything is sent.
import { Button, Select, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { IconArrowLeft, IconPlus } from "@tabler/icons-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { TesseraError } from "@client/error";
import type { OrderService } from "@client/gen/erp/orders/v1/order_pb";
import { tellChanges } from "../../api/changes";
import { client } from "../../api/wire";
import { shownKeys, useKeys } from "../../app/keys";
import { useMe, useModel } from "../../app/session";
import { useFirstFocus } from "../../form/useFirstFocus";
import { useLeaveGuard } from "../../form/useLeaveGuard";
import { useI18n } from "../../i18n";
import { ReferencePicker } from "../../resource/ReferencePicker";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { Amount } from "../../ui/Amount";
import { PageTitle } from "../../ui/PageTitle";
import { Prose } from "../../ui/Prose";
import { civilDate } from "../parts/days";
import { Panel } from "../parts/Panel";
import { PlaceOrderLine } from "./PlaceOrderLine";
import { blank, emptyLine, forget, isTyped, keep, kept, placeOf, problemsOf, requestOf, totalsOf } from "./placing";
import type { Draft, DraftLine, Facts } from "./placing";
import "../../form/form.css";
import "./order.css";

const SERVICE = "erp.orders.v1.OrderService";

export default function PlaceOrderPage() {
  const { t, plural, locale } = useI18n();
  const { tenant } = useMe();
  const navigate = useNavigate();
  const orders = useModel().entity("erp.orders.v1.Order");
  const [found, setFound] = useState(kept);
  const [draft, setDraft] = useState<Draft>(() => found ?? blank(tenant.baseCurrency));
  /** What is known of each chosen product, told by its line. */
  const [facts, setFacts] = useState<ReadonlyMap<string, Facts>>(new Map());
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<TesseraError | undefined>();
  const request = useRef(crypto.randomUUID());
  const typed = isTyped(draft, tenant.baseCurrency);
  const sent = useRef(false);
  useEffect(() => {
    if (typed && !sent.current) keep(draft);
    else forget();
  }, [draft, typed]);
  const frame = useRef<HTMLFormElement>(null);
  useFirstFocus(frame);
  useLeaveGuard(typed, sent, forget);
  const change = (part: Partial<Draft>) => {
    // Another order than the one that may have been sent already, and than the one that was refused.
    request.current = crypto.randomUUID();
    setFailure(undefined);
    setDraft({ ...draft, ...part });
  };
  const discard = () => {
    setTried(false);
    setFound(undefined);
    change(blank(tenant.baseCurrency));
  };
  const problems = problemsOf(draft, facts, locale);
  const totals = totalsOf(draft, facts, locale);
  const [refused, elsewhere] = useMemo(() => refusalsOf(failure, draft), [failure, draft]);
  const shown = (name: string) => {
    const problem = tried ? problems.get(name) : undefined;
    return problem ? t(problem) : refused.get(name);
  };
  const send = async () => {
    setTried(true);
    if (problems.size > 0 || busy) return;
    setBusy(true);
    setFailure(undefined);
    try {
      const made = requestOf(draft, locale);
      const day = draft.day ? { orderDate: civilDate(draft.day) } : {};
      const order = await client<typeof OrderService>(SERVICE).placeOrder({
        ...made,
        ...day,
        requestId: request.current,
      });
      sent.current = true;
      forget();
      tellChanges(new Map([["erp.orders.v1.Order", new Set([order.id])]]));
      void navigate({ to: `/orders/orders/${order.id}` });
    } catch (error) {
      setFailure(TesseraError.from(error));
      setBusy(false);
    }
  };
  useKeys([{ keys: "mod+Enter", does: "order.place", group: "keys.record", inInputs: true, run: () => void send() }]);
  const lineChanged = (key: string, part: Partial<DraftLine>) =>
    change({ lines: draft.lines.map((line) => (line.key === key ? { ...line, ...part } : line)) });
  return (
    <div className="page detail">
      <PageTitle>{t("order.new")}</PageTitle>
      <p className="crumb">
        <Link to="/orders/orders" className="link">
          <IconArrowLeft size={13} aria-hidden /> {orders ? plural(orders.typeName) : ""}
        </Link>
      </p>
      <div className="page-head">
        <h1>{t("order.new")}</h1>
      </div>
      <form
        ref={frame}
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        {found && typed ? (
          <p className="restored" role="status">
            {t("form.restored")}{" "}
            <button type="button" className="plain link" onClick={discard}>
              {t("form.discard")}
            </button>
          </p>
        ) : null}
        <Head draft={draft} shown={shown} change={change} />
        <Panel title={t("order.lines")}>
          <div className="order-lines">
            {draft.lines.map((line, place) => (
              <PlaceOrderLine
                key={line.key}
                line={line}
                number={place + 1}
                currency={draft.currency}
                net={totals.nets.get(line.key)}
                problem={(field) => shown(`${line.key}.${field}`)}
                onChange={(part) => lineChanged(line.key, part)}
                onFacts={(known) => setFacts((before) => new Map(before).set(line.productId, known))}
                onRemove={
                  draft.lines.length > 1
                    ? () => change({ lines: draft.lines.filter(({ key }) => key !== line.key) })
                    : undefined
                }
                onEnter={() => change({ lines: [...draft.lines, emptyLine()] })}
              />
            ))}
            <div>
              <Button
                variant="default"
                leftSection={<IconPlus size={14} aria-hidden />}
                onClick={() => change({ lines: [...draft.lines, emptyLine()] })}
              >
                {t("order.addLine")}
              </Button>
            </div>
          </div>
          <dl className="order-sums">
            <div>
              <dt>{t("order.linesTotal")}</dt>
              <dd>{totals.lines ? <Amount value={totals.lines} /> : "–"}</dd>
            </div>
            <div>
              <dt>{t("order.freight")}</dt>
              <dd>
                <TextInput
                  className="number-input"
                  size="xs"
                  w={110}
                  inputMode="decimal"
                  aria-label={t("order.freight")}
                  value={draft.freight}
                  error={shown("freight")}
                  onChange={(event) => change({ freight: event.currentTarget.value })}
                />
              </dd>
            </div>
            <div className="sum">
              <dt>{t("order.total")}</dt>
              <dd data-testid="order-total">{totals.total ? <Amount value={totals.total} /> : "–"}</dd>
            </div>
          </dl>
        </Panel>
        {failure ? <ErrorNotice error={failure} fields={elsewhere} /> : null}
        {tried && problems.size > 0 ? (
          <p className="field-error" role="alert">
            {t("form.violations")}
          </p>
        ) : null}
        <div className="form-foot">
          <Button variant="default" onClick={() => void navigate({ to: "/orders/orders" })}>
            {t("form.cancel")}
          </Button>
          <Button type="submit" loading={busy} title={shownKeys("mod+Enter")}>
            {t("order.place")}
          </Button>
        </div>
      </form>
    </div>
  );
}

/** What the server refused, by its place on the page; and whether it also refused what has none. */
function refusalsOf(failure: TesseraError | undefined, draft: Draft): [ReadonlyMap<string, string>, boolean] {
  const places = (failure?.violations ?? []).map(
    ({ field, description }) => [placeOf(field, draft), description] as const,
  );
  const placed = places.filter((one): one is readonly [string, string] => one[0] !== undefined);
  return [new Map(placed), placed.length < places.length];
}

interface HeadProps {
  readonly draft: Draft;
  shown: (name: string) => string | undefined;
  change: (part: Partial<Draft>) => void;
}

function Head({ draft, shown, change }: HeadProps) {
  const { t } = useI18n();
  const codes = [...new Set([draft.currency, ...Intl.supportedValuesOf("currency")])];
  return (
    <Panel title={t("order.customer")}>
      <div className="form-grid" style={{ padding: 14 }}>
        <ReferencePicker
          typeName="erp.crm.v1.Account"
          label={t("order.account")}
          required
          value={draft.accountId}
          error={shown("accountId")}
          onChange={(accountId) => change({ accountId })}
        />
        <TextInput
          label={t("order.payment")}
          description={<Prose text={t("order.paymentHint")} />}
          required
          autoComplete="off"
          value={draft.payment}
          error={shown("payment")}
          onChange={(event) => change({ payment: event.currentTarget.value })}
        />
        <TextInput
          type="email"
          label={t("order.email")}
          description={t("order.emailHint")}
          value={draft.email}
          error={shown("email")}
          onChange={(event) => change({ email: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={t("order.day")}
          description={t("order.dayHint")}
          value={draft.day}
          error={shown("day")}
          onChange={(event) => change({ day: event.currentTarget.value })}
        />
        <Select
          label={t("order.currency")}
          searchable
          limit={60}
          data={codes}
          value={draft.currency}
          error={shown("currency")}
          allowDeselect={false}
          onChange={(currency) => currency && change({ currency })}
        />
      </div>
    </Panel>
  );
}
