// A line of an order that is being written: the product with its price and what of it can be promised.
import { ActionIcon, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useEffect } from "react";
import type { Product } from "@client/gen/erp/catalog/v1/product_pb";
import type { StockLevelService } from "@client/gen/erp/inventory/v1/stock_level_pb";
import type { WarehouseService } from "@client/gen/erp/inventory/v1/warehouse_pb";
import { useRpc } from "../../api/hooks";
import { useMe } from "../../app/session";
import { shownDecimal, plainNumber } from "../../format/money";
import { useI18n } from "../../i18n";
import { ReferencePicker } from "../../resource/ReferencePicker";
import { useReference } from "../../resource/references";
import { Amount } from "../../ui/Amount";
import { millionths } from "../parts/sums";
import type { Sum } from "../parts/sums";
import type { DraftLine, Facts } from "./placing";

interface Props {
  readonly line: DraftLine;
  readonly number: number;
  readonly currency: string;
  readonly net: Sum | undefined;
  problem: (field: string) => string | undefined;
  onChange: (part: Partial<DraftLine>) => void;
  onFacts: (facts: Facts) => void;
  readonly onRemove: (() => void) | undefined;
  onEnter: () => void;
}

export function PlaceOrderLine({ line, number, net, problem, onChange, onFacts, onRemove, onEnter }: Props) {
  const { t } = useI18n();
  const { record } = useReference("erp.catalog.v1.Product", line.productId);
  const product = record as unknown as Product | null | undefined;
  const price = product?.price;
  useEffect(() => {
    if (product) onFacts({ price: product.price });
    // Told once per product: the line's parent keeps it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [product]);
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    onEnter();
  };
  return (
    <fieldset className="order-line">
      <legend className="sr">{t("order.line", { number })}</legend>
      <div className="line-product">
        <ReferencePicker
          typeName="erp.catalog.v1.Product"
          label={t("order.product")}
          required
          value={line.productId}
          error={problem("product")}
          onChange={(productId) => onChange({ productId })}
        />
        {line.productId ? <Facts price={price} productId={line.productId} quantity={line.quantity} /> : null}
      </div>
      <TextInput
        className="number-input"
        inputMode="decimal"
        label={t("order.quantity")}
        required
        value={line.quantity}
        error={problem("quantity")}
        onKeyDown={onKeyDown}
        onChange={(event) => onChange({ quantity: event.currentTarget.value })}
      />
      <TextInput
        className="number-input"
        inputMode="decimal"
        label={t("order.percent")}
        value={line.discount}
        error={problem("discount")}
        onKeyDown={onKeyDown}
        onChange={(event) => onChange({ discount: event.currentTarget.value })}
      />
      <span className="line-net num">{net ? <Amount value={net} /> : "–"}</span>
      {onRemove ? (
        <ActionIcon aria-label={`${t("form.remove")}: ${t("order.line", { number })}`} onClick={onRemove}>
          <IconX size={16} />
        </ActionIcon>
      ) : (
        <span />
      )}
    </fieldset>
  );
}

/** The price of one, and how many can still be promised in the warehouse that orders take from. */
function Facts({ price, productId, quantity }: { price: Sum | undefined; productId: string; quantity: string }) {
  const { t, locale } = useI18n();
  const { may } = useMe();
  const sees = may("inventory.stock-levels.read") && may("inventory.warehouses.read");
  const warehouses = useRpc<typeof WarehouseService>()(
    "erp.inventory.v1.WarehouseService",
    "listWarehouses",
    { pageSize: 1000 },
    { enabled: sees },
  );
  const levels = useRpc<typeof StockLevelService>()(
    "erp.inventory.v1.StockLevelService",
    "listStockLevels",
    { pageSize: 1000, filter: `product_id = "${productId}"` },
    { enabled: sees, touches: ["erp.inventory.v1.StockLevel"] },
  );
  const home = warehouses.data?.warehouses.find(({ isDefault }) => isDefault);
  const available =
    levels.data?.stockLevels.find(({ warehouseId }) => warehouseId === home?.id)?.available?.value ??
    (levels.data && home ? "0" : undefined);
  const wanted = millionths(plainNumber(quantity, locale) ?? "");
  const short = available !== undefined && wanted !== undefined && wanted > (millionths(available) ?? 0n);
  return (
    <p className="help line-facts">
      {price ? (
        <span>
          {t("order.each")} <Amount value={price} />
        </span>
      ) : null}
      {available === undefined ? null : (
        <span data-short={short}>
          {t(short ? "order.short" : "order.inStock", {
            count: shownDecimal(available, locale),
            warehouse: home?.name ?? "",
          })}
        </span>
      )}
    </p>
  );
}
