// Stock levels, put together by product and warehouse.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { StockLevel, StockLevelService } from "@client/gen/erp/inventory/v1/stock_level_pb";
import type { Warehouse, WarehouseService } from "@client/gen/erp/inventory/v1/warehouse_pb";
import { client } from "../../api/wire";
import { useRpc } from "../../api/hooks";
import { grouped } from "../../format/grouped";
import { allOf } from "../parts/ListLink";

export const LEVELS = "erp.inventory.v1.StockLevelService";
const PAGE = 300;

/** One product in one warehouse; without a level nothing ever lay there. */
export interface Place {
  readonly productId: string;
  readonly warehouse: Warehouse;
  readonly level: StockLevel | undefined;
}

export interface Stock {
  readonly rows: readonly { readonly productId: string; readonly places: readonly Place[] }[];
  readonly warehouses: readonly Warehouse[];
  readonly isPending: boolean;
  readonly isLoadingMore: boolean;
  readonly error: unknown;
  readonly more: (() => void) | undefined;
}

export function useStock(lowOnly: boolean, productId: string): Stock {
  const warehouses = useRpc<typeof WarehouseService>()(
    "erp.inventory.v1.WarehouseService",
    "listWarehouses",
    { pageSize: 1000, orderBy: "code" },
    { touches: ["erp.inventory.v1.Warehouse"] },
  );
  const levels = useLevels(lowOnly, productId);
  const known = warehouses.data?.warehouses;
  const rows = useMemo(() => {
    const found = levels.data?.pages.flatMap(({ stockLevels }) => stockLevels) ?? [];
    const byProduct = grouped(found, (level) => level.productId);
    return [...byProduct].map(([product, ofProduct]) => ({
      productId: product,
      places: (known ?? []).map((warehouse): Place => {
        const level = ofProduct.find(({ warehouseId }) => warehouseId === warehouse.id);
        return { productId: product, warehouse, level };
      }),
    }));
  }, [levels.data, known]);
  return {
    rows,
    warehouses: known ?? [],
    isPending: levels.isPending || warehouses.isPending,
    isLoadingMore: levels.isFetchingNextPage,
    error: levels.error ?? warehouses.error,
    more: levels.hasNextPage ? () => void levels.fetchNextPage() : undefined,
  };
}

function useLevels(lowOnly: boolean, productId: string) {
  const filter = allOf(lowOnly && "below_reorder_level = true", productId && `product_id = "${productId}"`);
  return useInfiniteQuery({
    queryKey: ["rpc", LEVELS, "listStockLevels", filter],
    meta: { touches: ["erp.inventory.v1.StockLevel", "erp.inventory.v1.StockMove", "erp.inventory.v1.Reservation"] },
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      client<typeof StockLevelService>(LEVELS).listStockLevels(
        { pageSize: PAGE, pageToken: pageParam, filter, orderBy: "product_id, id" },
        { signal },
      ),
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
}
