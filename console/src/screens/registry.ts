// Screens written by hand: pages of their own, and pages or parts of pages in the place of generated ones.
import type { ComponentType } from "react";
import type { Icon } from "@tabler/icons-react";
import type { Key } from "../i18n";
import type { AnyMessage } from "../api/wire";
import type { Entity } from "../schema/model";

type Loader<Props> = () => Promise<{ default: ComponentType<Props> }>;

/** A page of its own, such as the dashboard. */
export interface Screen {
  /** Where it is: `/`, `/ledger`. One part, so that no resource's address is meant. */
  readonly path: string;
  readonly title: Key;
  readonly icon: Icon;
  /** Below which domain it stands in the navigation; absent: on top. */
  readonly domain?: string;
  /** Shown to those who hold all of these. */
  readonly permissions: readonly string[];
  /** The letter behind `g` that goes there. */
  readonly letter?: string;
  readonly load: Loader<object>;
}

export interface RecordProps {
  readonly entity: Entity;
  readonly record: AnyMessage;
  readonly id: string;
}

/** What replaces or joins the generated pages of an entity. */
export interface Override {
  /** In the place of the list, the record's page, the form. */
  readonly list?: Loader<{ entity: Entity }>;
  readonly detail?: Loader<RecordProps>;
  /** Above the record's details, such as the timeline of an order. */
  readonly sections?: readonly Loader<RecordProps>[];
}

export const screens: readonly Screen[] = [];

/** By the entity's full name. */
export const overrides: Readonly<Record<string, Override>> = {};
