// The events of the company: as they happen, what waits, who is behind, and what could not be handled.
import { useRpc } from "../../api/hooks";
import { useMe } from "../../app/session";
import { useI18n } from "../../i18n";
import type { EventLogService } from "@client/gen/erp/ops/v1/event_log_pb";
import { Tabs } from "../parts/Tabs";
import { useSearchState } from "../parts/useSearchState";
import { DeadLetters, REFRESH_MS } from "./DeadLetters";
import { Flow } from "./Flow";
import { LiveTail } from "./LiveTail";
import "./events.css";

export const LOG = "erp.ops.v1.EventLogService";

export default function EventsPage() {
  const { t } = useI18n();
  const { may } = useMe();
  const [search] = useSearchState();
  const seesEvents = may("ops.events.read");
  const seesDead = may("ops.dead-letters.read");
  const dead = useRpc<typeof EventLogService>()(
    LOG,
    "listDeadLetters",
    { pageSize: 50 },
    { enabled: seesDead, refetchInterval: REFRESH_MS },
  );
  const waiting = dead.data?.deadLetters.filter(({ replayTime }) => replayTime === undefined).length;
  const views = [
    ...(seesEvents
      ? [
          { name: "live", title: t("events.live") },
          { name: "flow", title: t("events.flow") },
        ]
      : []),
    ...(seesDead ? [{ name: "dead", title: t("events.dead"), count: waiting }] : []),
  ];
  const view = views.find(({ name }) => name === search["view"])?.name ?? views[0]?.name;
  return (
    <div className="page">
      <div className="page-head">
        <h1>{t("events.title")}</h1>
      </div>
      <Tabs label={t("events.title")} tabs={views} current={view ?? ""} />
      {view === "live" ? <LiveTail /> : null}
      {view === "flow" ? <Flow /> : null}
      {view === "dead" ? <DeadLetters /> : null}
    </div>
  );
}
