// Exports what the list shows: the same filter, order and columns, all pages, one after the other.
import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useMe, useModel } from "../app/session";
import { useI18n } from "../i18n";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { ErrorNotice } from "../ui/ErrorNotice";
import { tell } from "../ui/notify";
import { useWriting } from "../ui/zone";
import { BYTE_ORDER_MARK, csvLine } from "./csv";
import { cells, headings } from "./csv-cells";
import { fetchPage, valueOf } from "./records";
import type { ListQuery } from "./records";
import { titlesOf } from "./titles";

const PAGE_SIZE = 1000;

interface Props {
  readonly entity: Entity;
  readonly query: ListQuery;
  readonly fields: readonly FieldModel[];
  onDone: () => void;
}

export default function ExportButton({ entity, query, fields, onDone }: Props) {
  const { t, label } = useI18n();
  const writing = useWriting();
  const model = useModel();
  const { may } = useMe();
  const [count, setCount] = useState(0);
  const [error, setError] = useState<unknown>();
  const abort = useRef<AbortController>(undefined);
  useEffect(() => {
    const own = new AbortController();
    abort.current = own;
    const run = async () => {
      const titles = titlesOf(model, may, fields, writing.i18n.locale);
      const lines = [
        BYTE_ORDER_MARK,
        csvLine(["id", ...fields.flatMap((field) => headings(field, label(field.desc), titles.of))]),
      ];
      let [token, rows] = ["", 0];
      do {
        const page = await fetchPage(entity, query, PAGE_SIZE, token, own.signal);
        await titles.load(page.rows);
        for (const record of page.rows) {
          lines.push(
            csvLine([
              String(record["id"]),
              ...fields.flatMap((field) => cells(field, valueOf(field, record), writing, titles.of)),
            ]),
          );
        }
        rows += page.rows.length;
        setCount(rows);
        token = page.nextToken;
      } while (token !== "" && !own.signal.aborted);
      if (own.signal.aborted) return;
      save(lines, `${entity.collection}.csv`);
      tell(t("list.exported", { count: rows }));
      onDone();
    };
    run().catch((thrown: unknown) => {
      if (!own.signal.aborted) setError(thrown);
    });
    return () => own.abort();
    // The export is of what was shown when it began.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  return (
    <div className="row" role="status" style={{ marginTop: 8 }}>
      {error ? <ErrorNotice error={error} /> : <span className="soft">{t("list.exporting", { count })}</span>}
      <Button
        variant="default"
        onClick={() => {
          abort.current?.abort();
          onDone();
        }}
      >
        {t("list.cancel")}
      </Button>
    </div>
  );
}

function save(lines: readonly string[], name: string): void {
  const url = URL.createObjectURL(new Blob([...lines], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
