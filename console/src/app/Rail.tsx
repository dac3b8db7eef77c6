// The navigation: what the descriptors have and the caller may list, by domain.
import { Link } from "@tanstack/react-router";
import { IconHome } from "@tabler/icons-react";
import type { Icon } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import type { Key } from "../i18n";
import { grouped } from "../format/grouped";
import { useI18n } from "../i18n";
import type { Entity, Model } from "../schema/model";
import { mayCall } from "../schema/permissions";
import type { May } from "../schema/permissions";
import { screens } from "../screens/registry";
import { Logo } from "../ui/Door";
import { iconOf } from "../ui/icons";
import { TenantMenu } from "./TenantMenu";

/** Somewhere to go: a screen or the list of a resource. */
export interface Place {
  readonly path: string;
  readonly icon: Icon;
  readonly domain: string;
  readonly title?: Key;
  readonly entity?: Entity;
  /** The letter behind `g` that goes there. */
  readonly letter?: string;
}

/** Everything that the caller may open. */
export function destinations(model: Model, may: May): readonly Place[] {
  const own = screens
    .filter(({ permissions }) => permissions.every((one) => may(one)))
    .map(({ path, icon, domain = "", title, letter }): Place => ({
      path,
      icon,
      domain,
      title,
      ...(letter ? { letter } : {}),
    }));
  const home: Place[] = own.some(({ path }) => path === "/")
    ? []
    : [{ path: "/", icon: IconHome, domain: "", title: "app.home", letter: "h" }];
  const taken = new Set([...home, ...own].flatMap(({ letter }) => letter ?? []));
  const lists = model.entities
    .filter((entity) => mayCall(may, entity.methods.list))
    .map((entity): Place => {
      const letter = letterFor(entity.collection, taken);
      return {
        path: entity.path,
        icon: iconOf(entity.collection),
        domain: entity.domain,
        entity,
        ...(letter ? { letter } : {}),
      };
    });
  return [...home, ...own, ...lists];
}

/** The first letter of the collection that is still free. */
function letterFor(collection: string, taken: Set<string>): string | undefined {
  const letter = collection.match(/[a-z]/g)?.find((one) => !taken.has(one));
  if (letter) taken.add(letter);
  return letter;
}

interface Props {
  readonly places: readonly Place[];
  readonly open: boolean;
  onClose: () => void;
}

export function Rail({ places, open, onClose }: Props) {
  const { t, domain } = useI18n();
  const rail = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) rail.current?.querySelector<HTMLElement>("a")?.focus();
  }, [open]);
  const groups = grouped(places, (place) => place.domain);
  const names = [...groups.keys()].sort((a, b) => (a === "" ? -1 : b === "" ? 1 : domain(a).localeCompare(domain(b))));
  return (
    <div className="rail" data-open={open} ref={rail} onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <div className="rail-top">
        <Logo />
        <TenantMenu />
      </div>
      <nav aria-label={t("nav.label")}>
        {names.map((name) => (
          <section key={name}>
            {name ? <h2>{domain(name)}</h2> : null}
            {(groups.get(name) ?? []).map((place) => (
              <Item key={place.path} place={place} />
            ))}
          </section>
        ))}
      </nav>
    </div>
  );
}

function Item({ place }: { place: Place }) {
  const { t, plural } = useI18n();
  const { path, icon: Icon, title, entity, letter } = place;
  return (
    <Link
      to={path}
      activeOptions={{ exact: path === "/", includeSearch: false }}
      title={letter ? `g ${letter}` : undefined}
    >
      <Icon size={17} stroke={1.6} aria-hidden />
      {entity ? plural(entity.typeName) : title ? t(title) : path}
    </Link>
  );
}
