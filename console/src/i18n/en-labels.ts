// English names where the contracts' own would read badly; everything else is called by its own name.
import type { LabelTexts } from "./labels";

export const enLabels: LabelTexts = {
  exact: {},
  fields: {
    create_time: "Created",
    update_time: "Updated",
    delete_time: "Deleted",
    created_by: "Created by",
    updated_by: "Updated by",
    display_name: "Name",
    email: "E-mail",
    customer_email: "Customer e-mail",
    currency_code: "Currency",
    base_currency: "Base currency",
    region_code: "Country",
    locality: "City",
    administrative_area: "State or region",
    address_lines: "Address",
    role_ids: "Roles",
    last_login_time: "Last sign-in",
  },
  values: { UNSPECIFIED: "Not said" },
  verbs: {},
  nouns: {},
  domains: { crm: "CRM", ops: "Operations", identity: "Access", notification: "Notifications" },
  reasons: {},
  events: {},
  // Where the validator's own English is for programmers.
  rules: {
    required: "This is needed.",
    "string.pattern": "This does not have the form that is asked for.",
    "string.uuid": "This is no valid id.",
    "string.uuid_empty": "Nothing is chosen here.",
    "enum.defined_only": "There is no such value.",
  },
};
