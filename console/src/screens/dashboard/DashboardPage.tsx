// The home page: how the company stands. What the caller may not see is left out; each figure opens what is behind it.
import { SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import { lazy, Suspense } from "react";
import { HomePage } from "../../app/HomePage";
import { useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import { useTimeZone } from "../../ui/zone";
import { today } from "../parts/days";
import { Panel } from "../parts/Panel";
import { useSearchState } from "../parts/useSearchState";
import { Activity } from "./Activity";
import { Ageing } from "./Ageing";
import { OrdersByState } from "./OrdersByState";
import { Alerts } from "./Alerts";
import { SPANS, spanOf } from "./spans";
import "./dashboard.css";

// With its charts.
const Revenue = lazy(() => import("./Revenue"));

export default function DashboardPage() {
  const { t } = useI18n();
  const { may, tenant } = useMe();
  const { registry } = useModel();
  const [search, set] = useSearchState();
  const span = spanOf(search["span"]);
  const range = span.range(today(useTimeZone()));
  const sees = {
    reports: may("finance.reports.read"),
    orders: may("orders.orders.read"),
    stock: may("inventory.stock-levels.read"),
    activity: may("audit.entries.read") && registry.getService("erp.audit.v1.AuditEntryService") !== undefined,
  };
  // Whoever sees none of it finds the way to what there is.
  if (!Object.values(sees).some(Boolean)) return <HomePage />;
  return (
    <div className="page dashboard">
      <div className="page-head">
        <h1>{tenant.displayName}</h1>
        <span className="push" />
        {sees.reports || sees.orders ? (
          <SegmentedControl
            size="xs"
            aria-label={t("home.span")}
            data={SPANS.map(({ name, title }) => ({ value: name, label: t(title) }))}
            value={span.name}
            onChange={(name) => set({ span: name === SPANS[0].name ? "" : name })}
          />
        ) : null}
      </div>
      <div className="board">
        {sees.reports ? (
          <Suspense
            fallback={
              <Panel className="wide" title={t("home.revenue")} loading bones={7}>
                {null}
              </Panel>
            }
          >
            <Revenue range={range} />
          </Suspense>
        ) : null}
        {sees.orders ? <OrdersByState range={range} /> : null}
        {sees.reports ? <Ageing /> : null}
        {sees.stock ? <Alerts /> : null}
        {sees.activity ? <Activity /> : null}
      </div>
    </div>
  );
}
