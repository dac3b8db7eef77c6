// Screens written by hand: pages of their own, and pages or parts of pages in the place of generated ones.
import type { ComponentType } from "react";
import { IconActivity, IconApi, IconHome, IconScale, IconShieldCheck, IconTable } from "@tabler/icons-react";
import type { Icon } from "@tabler/icons-react";
import { loadScreenTexts } from "../i18n/en";
import type { ShellKey } from "../i18n/en";
import type { AnyMessage } from "../api/wire";
import type { Entity } from "../schema/model";

type Loader<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** What loads a screen, together with the texts of all screens. */
export function withTexts<Props>(load: Loader<Props>): Loader<Props> {
  return async () => {
    const [screen] = await Promise.all([load(), loadScreenTexts()]);
    return screen;
  };
}

/** A page of its own, such as the dashboard. */
export interface Screen {
  /** Where it is: `/`, `/ledger`. One part, so that no resource's address is meant. */
  readonly path: string;
  readonly title: ShellKey;
  readonly icon: Icon;
  /** Below which domain it stands in the navigation; absent: on top. */
  readonly domain?: string;
  /** Shown to those who hold all of these. */
  readonly permissions: readonly string[];
  /** The letter behind `g` that goes there. */
  readonly letter?: string;
  readonly load: Loader<object>;
}

export interface EntityProps {
  readonly entity: Entity;
}

export interface RecordProps {
  readonly entity: Entity;
  readonly record: AnyMessage;
  readonly id: string;
}

/** What replaces or joins the generated pages of an entity. */
export interface Override {
  /** In the place of the list, of the record's page, and of the form of the first way to make a record. */
  readonly list?: Loader<EntityProps>;
  readonly detail?: Loader<RecordProps>;
  readonly create?: Loader<EntityProps>;
  /** Above the record's details, such as the timeline of an order. */
  readonly sections?: readonly Loader<RecordProps>[];
}

export const screens: readonly Screen[] = [
  {
    path: "/",
    title: "home.title",
    icon: IconHome,
    permissions: [],
    letter: "h",
    load: () => import("./dashboard/DashboardPage"),
  },
  {
    path: "/ledger",
    title: "ledger.title",
    icon: IconScale,
    domain: "finance",
    permissions: ["finance.reports.read"],
    letter: "l",
    load: () => import("./ledger/LedgerPage"),
  },
  {
    path: "/stock",
    title: "stock.title",
    icon: IconTable,
    domain: "inventory",
    permissions: ["inventory.stock-levels.read", "inventory.warehouses.read"],
    letter: "s",
    load: () => import("./stock/StockPage"),
  },
  {
    path: "/events",
    title: "events.title",
    icon: IconActivity,
    domain: "ops",
    permissions: ["ops.events.read"],
    letter: "e",
    load: () => import("./events/EventsPage"),
  },
  {
    path: "/access",
    title: "access.title",
    icon: IconShieldCheck,
    domain: "identity",
    permissions: [],
    load: () => import("./access/AccessPage"),
  },
  {
    path: "/explorer",
    title: "api.title",
    icon: IconApi,
    domain: "ops",
    permissions: [],
    load: () => import("./explorer/ExplorerPage"),
  },
];

/** By the entity's full name. */
export const overrides: Readonly<Record<string, Override>> = {
  "erp.orders.v1.Order": {
    detail: () => import("./order/OrderPage"),
    create: () => import("./order/PlaceOrderPage"),
  },
  "erp.identity.v1.ApiKey": {
    create: () => import("./access/NewKeyPage"),
  },
};
