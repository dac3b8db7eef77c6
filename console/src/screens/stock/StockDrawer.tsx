// One product in one warehouse: its figures, who holds what and until when, how it came and went, and when it runs low.
import "../../form/form.css";
import { Button, Drawer, TextInput } from "@mantine/core";
import "../../theme/inputs.css";
import "../../theme/overlays.css";
import "@mantine/core/styles/Drawer.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { TesseraError } from "@client/error";
import type { ReservationService } from "@client/gen/erp/inventory/v1/reservation_pb";
import type { StockMoveService } from "@client/gen/erp/inventory/v1/stock_move_pb";
import type { StockLevelService } from "@client/gen/erp/inventory/v1/stock_level_pb";
import { tellChanges } from "../../api/changes";
import { useRpc } from "../../api/hooks";
import { client } from "../../api/wire";
import { useMe, useModel } from "../../app/session";
import { msOf } from "../../format/time";
import { plainNumber, shownDecimal } from "../../format/money";
import { useI18n } from "../../i18n";
import { useReference } from "../../resource/references";
import { titleOf } from "../../resource/text";
import { EnumBadge, ReferenceLink } from "../../resource/Value";
import { ErrorNotice } from "../../ui/ErrorNotice";
import { tell } from "../../ui/notify";
import { Time } from "../../ui/Time";
import { allOf, ListLink } from "../parts/ListLink";
import { Bones, Nothing } from "../parts/Panel";
import { LEVELS } from "./useStock";
import type { Place } from "./useStock";

const RESERVATIONS = "erp.inventory.v1.ReservationService";

export function StockDrawer({ place, onClose }: { place: Place; onClose: () => void }) {
  const { t, locale } = useI18n();
  const { may } = useMe();
  const { level, warehouse, productId } = place;
  const { entity, record } = useReference("erp.catalog.v1.Product", productId);
  const name = entity && record ? titleOf(entity, record, locale) : "";
  const shown = (value: { value: string } | undefined) => shownDecimal(value?.value ?? "0", locale);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={`${name} · ${warehouse.name}`}
      closeButtonProps={{ "aria-label": t("keys.close") }}
    >
      <div className="stack">
        <dl className="facts">
          {(
            [
              ["stock.onHand", level?.onHand],
              ["stock.reserved", level?.reserved],
              ["stock.available", level?.available],
            ] as const
          ).map(([key, value]) => (
            <div key={key}>
              <dt>{t(key)}</dt>
              <dd className="num">{shown(value)}</dd>
            </div>
          ))}
        </dl>
        <ReorderLevel place={place} writable={may("inventory.stock-levels.write")} />
        {may("inventory.reservations.read") ? <Reservations place={place} /> : null}
        {may("inventory.stock-moves.read") ? <Moves place={place} /> : null}
      </div>
    </Drawer>
  );
}

function ReorderLevel({ place: { level, productId, warehouse }, writable }: { place: Place; writable: boolean }) {
  const { t, locale } = useI18n();
  const kept = level?.reorderLevel?.value;
  const [typed, setTyped] = useState(kept === undefined ? "" : shownDecimal(kept, locale));
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const value = typed.trim() === "" ? "" : plainNumber(typed, locale);
  const save = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const request = { productId, warehouseId: warehouse.id, ...(value ? { reorderLevel: { value } } : {}) };
      await client<typeof StockLevelService>(LEVELS).setReorderLevel(request);
      tell(t("record.saved"));
      tellChanges(new Map([["erp.inventory.v1.StockLevel", new Set()]]));
    } catch (error) {
      setFailure(TesseraError.from(error));
    }
    setBusy(false);
  };
  if (!writable)
    return kept === undefined ? null : (
      <p className="soft">{t("stock.reorderAt", { level: shownDecimal(kept, locale) })}</p>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (value !== undefined) void save();
      }}
    >
      <div className="row" style={{ alignItems: "end" }}>
        <TextInput
          className="number-input"
          inputMode="decimal"
          w={160}
          label={t("stock.reorder")}
          placeholder={t("stock.never")}
          value={typed}
          error={value === undefined ? t("form.badNumber") : undefined}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          size="sm"
          loading={busy}
          disabled={value === undefined || (value || undefined) === kept}
        >
          {t("form.save")}
        </Button>
      </div>
      <p className="help">{t("stock.reorderHint")}</p>
      {failure ? <ErrorNotice error={failure} /> : null}
    </form>
  );
}

function Reservations({ place: { productId, warehouse } }: { place: Place }) {
  const { t, label, locale } = useI18n();
  const { registry } = useModel();
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useReservations(
    productId,
    warehouse.id,
  );
  const held = (data?.pages ?? [])
    .flatMap(({ reservations }) => reservations)
    .flatMap((reservation) => {
      // The filter asks for both, but not on the same line.
      const lines = reservation.lines.filter((one) => one.productId === productId && one.warehouseId === warehouse.id);
      return lines.map((line) => ({ reservation, line }));
    });
  const states = registry.getEnum("erp.inventory.v1.ReservationState");
  return (
    <section aria-label={t("stock.reservations")}>
      <h3 className="small-head">{t("stock.reservations")}</h3>
      {error ? <ErrorNotice error={error} /> : isPending ? <Bones count={3} /> : null}
      {data && held.length === 0 && !hasNextPage ? <p className="soft">{t("stock.noReservations")}</p> : null}
      {held.length > 0 ? (
        <ul className="plain-list">
          {held.map(({ reservation, line }, place) => {
            const state = states?.value[reservation.state];
            return (
              <li key={`${reservation.id} ${place}`}>
                <strong className="num">{shownDecimal(line.quantity?.value ?? "0", locale)}</strong>
                <span>
                  {t("stock.heldFor")} <ReferenceLink typeName="erp.orders.v1.Order" id={reservation.sourceId} />{" "}
                  <span className="soft">
                    {reservation.expireTime ? (
                      <>
                        {t("stock.expires")} <Time ms={msOf(reservation.expireTime)} />
                      </>
                    ) : (
                      t("stock.forGood")
                    )}
                  </span>
                </span>
                {state ? <EnumBadge value={state} /> : null}
                <Link
                  to={`/inventory/reservations/${reservation.id}`}
                  className="link"
                  aria-label={`${t("stock.openReservation")}: ${state ? label(state) : ""}`}
                >
                  {t("stock.openReservation")}
                </Link>
              </li>
            );
          })}
        </ul>
      ) : null}
      {hasNextPage ? (
        <Button variant="subtle" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("parts.more")}
        </Button>
      ) : null}
    </section>
  );
}

/** What is held of a product in a warehouse, page by page, the oldest first. */
function useReservations(productId: string, warehouseId: string) {
  const filter = allOf(
    "(state = HELD OR state = CONFIRMED)",
    `lines.product_id:"${productId}"`,
    `lines.warehouse_id:"${warehouseId}"`,
  );
  return useInfiniteQuery({
    queryKey: ["rpc", RESERVATIONS, "listReservations", filter],
    meta: { touches: ["erp.inventory.v1.Reservation"] },
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      client<typeof ReservationService>(RESERVATIONS).listReservations(
        { pageSize: 100, pageToken: pageParam, filter, orderBy: "create_time" },
        { signal },
      ),
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
}

function Moves({ place: { productId, warehouse } }: { place: Place }) {
  const { t, locale } = useI18n();
  const { registry } = useModel();
  const filter = `product_id = "${productId}" AND warehouse_id = "${warehouse.id}"`;
  const { data, error, isPending } = useRpc<typeof StockMoveService>()(
    "erp.inventory.v1.StockMoveService",
    "listStockMoves",
    { pageSize: 20, filter, orderBy: "effective_time desc" },
    { touches: ["erp.inventory.v1.StockMove"] },
  );
  const kinds = registry.getEnum("erp.inventory.v1.StockMoveKind");
  const moves = data?.stockMoves ?? [];
  return (
    <section aria-label={t("stock.moves")}>
      <h3 className="small-head">
        {t("stock.moves")}{" "}
        <ListLink to="/inventory/stock-moves" filter={filter} order="effective_time desc">
          {t("record.showAll")}
        </ListLink>
      </h3>
      {error ? <ErrorNotice error={error} /> : isPending ? <Bones count={4} /> : null}
      {data && moves.length === 0 ? <Nothing title={t("stock.noMoves")} /> : null}
      <ul className="plain-list">
        {moves.map((move) => {
          const kind = kinds?.value[move.kind];
          const quantity = move.quantity?.value ?? "0";
          return (
            <li key={move.id}>
              <strong className="num">
                {quantity.startsWith("-") ? shownDecimal(quantity, locale) : `+${shownDecimal(quantity, locale)}`}
              </strong>
              <span>
                {kind ? <EnumBadge value={kind} /> : null} <span className="soft">{move.memo}</span>
              </span>
              <span className="soft">{move.effectiveTime ? <Time ms={msOf(move.effectiveTime)} /> : null}</span>
              <Link to={`/inventory/stock-moves/${move.id}`} className="link">
                {t("stock.openMove")}
              </Link>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
