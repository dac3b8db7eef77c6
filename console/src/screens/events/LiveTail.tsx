// Events as they happen, over the tab's one stream, with the last ones before.
import { Button, Drawer, TextInput } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import "@mantine/core/styles/Drawer.css";
import type { DescEnum } from "@bufbuild/protobuf";
import { useQuery } from "@tanstack/react-query";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import type { EventLogService } from "@client/gen/erp/ops/v1/event_log_pb";
import { onEvent } from "../../api/live";
import { client } from "../../api/wire";
import { useKeys } from "../../app/keys";
import { useModel } from "../../app/session";
import { knownZone, msOf } from "../../format/time";
import { useI18n } from "../../i18n";
import { useTimeZone } from "../../ui/zone";
import { Nothing, Panel } from "../parts/Panel";
import { useSearchState } from "../parts/useSearchState";
import { EventDetails } from "./EventDetails";
import { summaryOf } from "./summary";
import { typeMatcher } from "./matcher";

const LOG = "erp.ops.v1.EventLogService";
const BACKLOG = 100;
const KEPT = 500;

export function LiveTail() {
  const { t } = useI18n();
  const [search, set] = useSearchState();
  const wanted = search["type"] ?? "";
  const [paused, setPaused] = useState(false);
  const [opened, setOpened] = useState<EventEnvelope | undefined>();
  const { events, held, error, isPending, resume } = useTail(paused);
  const matches = useMemo(() => typeMatcher(wanted), [wanted]);
  const shown = events.filter(({ eventType }) => matches(eventType));
  const toggle = () => {
    if (paused) resume();
    setPaused(!paused);
  };
  useKeys([{ keys: "p", does: "events.pause", group: "keys.list", run: toggle }]);
  const side = (
    <>
      <span className="live-dot" data-paused={paused} aria-hidden />
      <span className="soft" role="status">
        {paused ? t("events.held", { count: held }) : t("events.listening")}
      </span>
      <Button
        variant="default"
        leftSection={paused ? <IconPlayerPlay size={13} aria-hidden /> : <IconPlayerPause size={13} aria-hidden />}
        onClick={toggle}
      >
        {paused ? t("events.resume") : t("events.pause")}
      </Button>
    </>
  );
  return (
    <>
      <div className="tools">
        <TextInput
          label={t("events.type")}
          placeholder="order.*"
          w={260}
          value={wanted}
          onChange={(event) => set({ type: event.currentTarget.value })}
        />
      </div>
      <Panel title={t("events.live")} side={side} error={error} loading={isPending} bones={10}>
        {shown.length === 0 ? (
          <Nothing title={t("events.none")} hint={t(wanted ? "events.noneOfType" : "events.noneHint")} />
        ) : (
          <Rows events={shown} onOpen={setOpened} />
        )}
      </Panel>
      <Drawer
        opened={opened !== undefined}
        onClose={() => setOpened(undefined)}
        position="right"
        size="lg"
        title={opened?.eventType ?? ""}
        closeButtonProps={{ "aria-label": t("keys.close") }}
      >
        {opened ? <EventDetails event={opened} /> : null}
      </Drawer>
    </>
  );
}

function Rows({ events, onOpen }: { events: readonly EventEnvelope[]; onOpen: (event: EventEnvelope) => void }) {
  const { t, locale } = useI18n();
  const timeZone = knownZone(useTimeZone());
  const called = useEnumLabels();
  const clock = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium", timeZone });
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={t("events.live")}>
      <table className="lines">
        <thead>
          <tr>
            <th scope="col">{t("events.time")}</th>
            <th scope="col">{t("events.type")}</th>
            <th scope="col">{t("events.source")}</th>
            <th scope="col" className="only-desk-cell">
              {t("events.says")}
            </th>
          </tr>
        </thead>
        <tbody data-testid="tail">
          {events.map((event) => (
            <tr key={event.eventId}>
              <td className="tight">{event.timestamp ? clock.format(msOf(event.timestamp)) : ""}</td>
              <td className="tight">
                <button type="button" className="plain link mono" onClick={() => onOpen(event)}>
                  {event.eventType}
                </button>
              </td>
              <td className="soft">{event.source}</td>
              <td className="soft one-line only-desk-cell">{summaryOf(event.data ?? {}, called)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What the values of all enums are called. */
function useEnumLabels(): (name: string) => string | undefined {
  const { label } = useI18n();
  const { registry } = useModel();
  const values = useMemo(() => {
    const enums = [...registry].filter((type) => type.kind === "enum" && type.typeName.startsWith("erp."));
    return new Map(enums.flatMap((one) => (one as DescEnum).values).map((value) => [value.name, value]));
  }, [registry]);
  return (name) => {
    const value = values.get(name);
    return value && label(value);
  };
}

/** The newest first. While it is paused, what comes is held back. */
function useTail(paused: boolean) {
  const before = useQuery({
    queryKey: ["rpc", LOG, "tailEvents", BACKLOG],
    queryFn: ({ signal }) =>
      client<typeof EventLogService>(LOG).tailEvents({ backlog: BACKLOG, pageSize: BACKLOG }, { signal }),
    staleTime: Infinity,
    gcTime: 0,
  });
  const [heard, setHeard] = useState<readonly EventEnvelope[]>([]);
  const [held, setHeld] = useState<readonly EventEnvelope[]>([]);
  useEffect(
    () => onEvent((event) => (paused ? setHeld : setHeard)((known) => [event, ...known].slice(0, KEPT))),
    [paused],
  );
  const backlog = before.data?.events;
  const events = useMemo(() => {
    const seen = new Set<string>();
    return [...heard, ...(backlog ?? []).toReversed()].filter(({ eventId }) => !seen.has(eventId) && seen.add(eventId));
  }, [heard, backlog]);
  const resume = () => {
    setHeard((known) => [...held, ...known].slice(0, KEPT));
    setHeld([]);
  };
  return { events, held: held.length, error: before.error, isPending: before.isPending, resume };
}
