// What an operator may do with a saga that does not go on by itself.
import { Button } from "@mantine/core";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { lazy, Suspense, useState } from "react";
import type { Saga, SagaService } from "@client/gen/erp/orders/v1/saga_pb";
import { tellChanges } from "../../api/changes";
import { client } from "../../api/wire";
import { useMe, useModel } from "../../app/session";
import { useI18n } from "../../i18n";
import { mayCall } from "../../schema/permissions";
import { fail, tell } from "../../ui/notify";

const ActionDialog = lazy(() => import("../../resource/ActionDialog"));
const SERVICE = "erp.orders.v1.SagaService";

/** The states by their names in the contracts, with what can be done in each. */
const ABORTABLE = new Set(["SAGA_STATE_RUNNING", "SAGA_STATE_STUCK"]);

export function SagaActions({ saga }: { saga: Saga }) {
  const i18n = useI18n();
  const { t, label } = i18n;
  const { may } = useMe();
  const model = useModel();
  const [aborting, setAborting] = useState<DescMethodUnary | undefined>();
  const [busy, setBusy] = useState(false);
  const entity = model.entity("erp.orders.v1.Saga");
  const action = (name: string) => entity?.recordActions.find((method) => method.name === name && mayCall(may, method));
  const retry = action("RetrySaga");
  const abort = action("AbortSaga");
  const state = model.registry.getEnum("erp.orders.v1.SagaState")?.value[saga.state]?.name ?? "";
  if (!entity || saga.endTime) return null;
  const changed = () =>
    tellChanges(
      new Map([
        ["erp.orders.v1.Saga", new Set([saga.id])],
        ["erp.orders.v1.Order", new Set([saga.orderId])],
      ]),
    );
  const retryNow = async () => {
    setBusy(true);
    try {
      await client<typeof SagaService>(SERVICE).retrySaga({ id: saga.id });
      tell(t("saga.retried"));
      changed();
    } catch (error) {
      fail(error, i18n);
    }
    setBusy(false);
  };
  return (
    <>
      {retry && (saga.nextAttemptTime || state === "SAGA_STATE_STUCK") ? (
        <Button variant="default" loading={busy} onClick={() => void retryNow()}>
          {label(retry)}
        </Button>
      ) : null}
      {abort && ABORTABLE.has(state) ? (
        <Button variant="default" onClick={() => setAborting(abort)}>
          {label(abort)}
        </Button>
      ) : null}
      <Suspense>
        {aborting ? (
          <ActionDialog
            entity={entity}
            method={aborting}
            id={saga.id}
            record={saga}
            onClose={() => {
              setAborting(undefined);
              changed();
            }}
          />
        ) : null}
      </Suspense>
    </>
  );
}
