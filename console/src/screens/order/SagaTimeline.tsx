// A saga as a timeline: its steps with every attempt, error and compensation on one scale of time.
import {
  IconArrowBackUp,
  IconCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconClockPause,
  IconPlayerPlay,
  IconX,
} from "@tabler/icons-react";
import type { Icon } from "@tabler/icons-react";
import { useMemo } from "react";
import type { Saga, SagaAttempt, SagaStep } from "@client/gen/erp/orders/v1/saga_pb";
import { useModel } from "../../app/session";
import { exactTime, msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { EnumBadge, ReferenceLink } from "../../resource/Value";
import { Time } from "../../ui/Time";
import { useTimeZone } from "../../ui/zone";
import { Panel } from "../parts/Panel";
import { SagaActions } from "./SagaActions";
import { scaleOf, shownLength } from "./scale";
import type { Scale, Stretch } from "./scale";

/** By the value's name: how a step stands, as a picture and a colour. */
const STANDS: Readonly<Record<string, readonly [Icon, string]>> = {
  PENDING: [IconCircleDashed, "idle"],
  RUNNING: [IconPlayerPlay, "info"],
  WAITING: [IconClockPause, "info"],
  DONE: [IconCheck, "good"],
  FAILED: [IconX, "bad"],
  COMPENSATING: [IconArrowBackUp, "warn"],
  COMPENSATED: [IconArrowBackUp, "warn"],
  SKIPPED: [IconCircleMinus, "idle"],
};

/** What the steps have made, by the step's name. */
const RESULTS: Readonly<Record<string, string>> = {
  RESERVE_STOCK: "erp.inventory.v1.Reservation",
  AUTHORIZE_PAYMENT: "erp.payments.v1.PaymentIntent",
  POST_INVOICE: "erp.finance.v1.Invoice",
  POST_CREDIT_NOTE: "erp.finance.v1.Invoice",
};

export function SagaTimeline({ saga }: { saga: Saga }) {
  const { t, locale, label } = useI18n();
  const { registry } = useModel();
  const scale = useMemo(() => scaleOf(stretchesOf(saga)), [saga]);
  const kind = registry.getEnum("erp.orders.v1.SagaKind")?.value[saga.kind];
  const state = registry.getEnum("erp.orders.v1.SagaState")?.value[saga.state];
  const start = saga.createTime ? msOf(saga.createTime) : 0;
  return (
    <Panel
      className="saga"
      title={kind ? label(kind) : t("saga.title")}
      side={
        <>
          {saga.endTime ? <span className="soft">{shownLength(msOf(saga.endTime) - start, locale)}</span> : null}
          {state ? <EnumBadge value={state} /> : null}
          <SagaActions saga={saga} />
        </>
      }
    >
      {saga.failureMessage ? (
        <p className="saga-failure">
          <code>{saga.failureReason}</code> {saga.failureMessage}
        </p>
      ) : null}
      {saga.nextAttemptTime ? (
        <p className="saga-wait soft">
          {t("saga.next")} <Time ms={msOf(saga.nextAttemptTime)} />
        </p>
      ) : null}
      <ol className="saga-steps">
        {saga.steps.map((step) => (
          <Step key={step.name} step={step} scale={scale} current={step.name === saga.currentStep} />
        ))}
      </ol>
      {scale.folds.length > 0 ? (
        <p className="soft saga-folds">
          {t("saga.folded")} {scale.folds.map(({ ms }) => shownLength(ms, locale)).join(", ")}
        </p>
      ) : null}
    </Panel>
  );
}

function Step({ step, scale, current }: { step: SagaStep; scale: Scale; current: boolean }) {
  const { t, label, locale } = useI18n();
  const { registry } = useModel();
  const name = registry.getEnum("erp.orders.v1.SagaStepName")?.value[step.name];
  const state = registry.getEnum("erp.orders.v1.SagaStepState")?.value[step.state];
  const short = (value: { name: string } | undefined, prefix: string) => value?.name.slice(prefix.length) ?? "";
  const [Picture, tone] = STANDS[short(state, "SAGA_STEP_STATE_")] ?? [IconCircleDashed, "idle"];
  const length = step.startTime && step.endTime ? msOf(step.endTime) - msOf(step.startTime) : undefined;
  const resultType = RESULTS[short(name, "SAGA_STEP_NAME_")];
  const failed = step.attempts.filter(({ errorReason, errorMessage }) => errorReason !== "" || errorMessage !== "");
  return (
    <li
      data-tone={tone}
      data-current={current}
      data-step={short(name, "SAGA_STEP_NAME_")}
      data-state={short(state, "SAGA_STEP_STATE_")}
    >
      <span className="step-picture">
        <Picture size={14} aria-hidden />
      </span>
      <span className="step-name">
        <strong>{name ? label(name) : String(step.name)}</strong>
        <small>
          {state ? label(state) : ""}
          {length === undefined ? null : <span className="num"> · {shownLength(length, locale)}</span>}
          {step.attemptCount > 1 ? ` · ${t("saga.attempts", { count: step.attemptCount })}` : null}
          {step.resultId && resultType ? (
            <>
              {" · "}
              <ReferenceLink typeName={resultType} id={step.resultId} />
            </>
          ) : null}
        </small>
      </span>
      <Track attempts={step.attempts} scale={scale} />
      {failed.length > 0 ? (
        <ul className="step-errors">
          {failed.slice(-5).map((attempt) => (
            <Failure key={attempt.number} attempt={attempt} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

function Track({ attempts, scale }: { attempts: readonly SagaAttempt[]; scale: Scale }) {
  const { t, locale } = useI18n();
  const zone = useTimeZone();
  const percent = (part: number) => `${(part * 100).toFixed(2)}%`;
  return (
    <span className="track" aria-hidden>
      {scale.folds.map(({ at, width }) => (
        <i key={at} className="fold" style={{ left: percent(at), width: percent(width) }} />
      ))}
      {attempts.map((attempt) => {
        const { startMs, endMs } = stretchOf(attempt);
        const left = scale.place(startMs);
        const tone = attempt.errorReason || attempt.errorMessage ? "bad" : attempt.compensating ? "warn" : "good";
        const words = `${t("saga.attempt", { number: attempt.number })}: ${exactTime(startMs, locale, zone)}, ${shownLength(endMs - startMs, locale)}`;
        return (
          <b
            key={attempt.number}
            data-tone={tone}
            title={words}
            style={{ left: percent(left), width: percent(scale.place(endMs) - left) }}
          />
        );
      })}
    </span>
  );
}

function Failure({ attempt }: { attempt: SagaAttempt }) {
  const { t } = useI18n();
  return (
    <li>
      {t(attempt.compensating ? "saga.undoing" : "saga.attempt", { number: attempt.number })}:{" "}
      <code>{attempt.errorReason}</code> {attempt.errorMessage}
      {attempt.startTime ? (
        <span className="soft">
          {" · "}
          <Time ms={msOf(attempt.startTime)} />
        </span>
      ) : null}
    </li>
  );
}

function stretchesOf(saga: Saga): Stretch[] {
  return saga.steps.flatMap(({ attempts }) => attempts.map(stretchOf));
}

/** One that goes on, or was cut off, is a point in time. */
function stretchOf({ startTime, endTime }: SagaAttempt): Stretch {
  const startMs = startTime ? msOf(startTime) : 0;
  return { startMs, endMs: Math.max(startMs, endTime ? msOf(endTime) : startMs) };
}
