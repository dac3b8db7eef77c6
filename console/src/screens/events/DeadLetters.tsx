// Events that a consumer could not handle, with the error and the payload, to be handed out once more.
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import type { DeadLetter, EventLogService } from "@client/gen/erp/ops/v1/event_log_pb";
import { queries } from "../../api/queries";
import { client } from "../../api/wire";
import { useMe } from "../../app/session";
import { msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { confirm } from "../../ui/confirm";
import { fail, tell } from "../../ui/notify";
import { Time } from "../../ui/Time";
import { Nothing, Panel } from "../parts/Panel";
import { EventDetails } from "./EventDetails";

export const REFRESH_MS = 15_000;
const LOG = "erp.ops.v1.EventLogService";

export function DeadLetters() {
  const { t } = useI18n();
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["rpc", LOG, "listDeadLetters", "pages"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      client<typeof EventLogService>(LOG).listDeadLetters({ pageSize: 50, pageToken: pageParam }, { signal }),
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
    // No event tells of a letter, so that the list asks as often as the number on its tab.
    refetchInterval: REFRESH_MS,
  });
  const letters = data?.pages.flatMap(({ deadLetters }) => deadLetters) ?? [];
  return (
    <Panel title={t("events.dead")} error={error} loading={isPending} bones={6}>
      {letters.length === 0 ? (
        <Nothing title={t("events.noDead")} hint={t("events.noDeadHint")} />
      ) : (
        <ul className="dead">
          {letters.map((letter) => (
            <Letter key={`${letter.eventId} ${letter.consumer}`} letter={letter} />
          ))}
        </ul>
      )}
      {hasNextPage ? (
        <Button variant="subtle" m={10} loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("parts.more")}
        </Button>
      ) : null}
    </Panel>
  );
}

function Letter({ letter }: { letter: DeadLetter }) {
  const { t, domain } = useI18n();
  const { may } = useMe();
  const [open, setOpen] = useState(false);
  const { event, eventId, consumer, topic, error, attempts, createTime, replayTime } = letter;
  return (
    <li>
      <div className="dead-head">
        <button type="button" className="plain disclose" aria-expanded={open} onClick={() => setOpen(!open)}>
          <IconChevronRight size={14} aria-hidden />
          <span>
            <strong className="mono">{event?.eventType ?? topic}</strong>{" "}
            <span className="soft">→ {domain(consumer)}</span>
          </span>
        </button>
        <span className="soft">
          {t("events.tried", { count: attempts })}
          {createTime ? (
            <>
              {" · "}
              <Time ms={msOf(createTime)} />
            </>
          ) : null}
        </span>
        {replayTime ? (
          <span className="badge" data-tone="info">
            {t("events.replayed")}&nbsp;
            <Time ms={msOf(replayTime)} />
          </span>
        ) : null}
        {may("ops.dead-letters.replay") ? <Replay eventId={eventId} consumer={consumer} /> : null}
      </div>
      <p className="dead-error">{error}</p>
      {open && event ? <EventDetails event={event} /> : null}
    </li>
  );
}

function Replay({ eventId, consumer }: { eventId: string; consumer: string }) {
  const i18n = useI18n();
  const { t, domain } = i18n;
  const [busy, setBusy] = useState(false);
  const replay = async () => {
    const text = t("events.replayConfirm", { consumer: domain(consumer) });
    if (!(await confirm({ title: t("events.replay"), text, yes: t("events.replay"), no: t("form.cancel") }))) return;
    setBusy(true);
    try {
      await client<typeof EventLogService>(LOG).replayDeadLetter({ eventId, consumer });
      tell(t("events.replayDone"));
      await queries.invalidateQueries({ queryKey: ["rpc", LOG, "listDeadLetters"] });
    } catch (error) {
      fail(error, i18n);
    }
    setBusy(false);
  };
  return (
    <Button variant="default" loading={busy} onClick={() => void replay()}>
      {t("events.replay")}
    </Button>
  );
}
