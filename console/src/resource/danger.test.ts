import { services } from "@client/gen/services";
import type { DescService } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { isDestructive } from "./danger";

it("what takes something away asks first, and nothing else does", () => {
  // A question at every click is answered without reading; one that is missing costs the stock that was reserved.
  const all = Object.values(services)
    .flatMap((domain) => Object.values<DescService>(domain))
    .flatMap(({ methods }) => methods);
  const asking = new Set(all.filter(isDestructive).map(({ name }) => name));
  for (const name of ["CancelOrder", "ConsumeReservation", "ReturnReservation", "ReleaseReservation", "DeleteAccount"])
    expect(asking, name).toContain(name);
  for (const name of ["ActivateProduct", "EnableUser", "RetrySaga", "RetryDelivery", "ConfirmReservation", "GetOrder"])
    expect(asking, name).not.toContain(name);
});
