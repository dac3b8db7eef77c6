import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useModel } from "../app/session";
import { NotFound } from "../app/PageFailed";
import type { Entity } from "../schema/model";

/** The resource that the address names, or that there is none. */
export function WithEntity({ children }: { children: (entity: Entity, id: string) => ReactNode }) {
  const { domain = "", collection = "", id = "" }: Partial<Record<string, string>> = useParams({ strict: false });
  const entity = useModel().at(domain, collection);
  return entity ? children(entity, id) : <NotFound />;
}
