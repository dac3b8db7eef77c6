// A picture for each kind of resource, by the words in its collection; one that nobody thought of gets a plain one.
import {
  IconAddressBook,
  IconArrowsExchange,
  IconBox,
  IconBuilding,
  IconBuildingWarehouse,
  IconCategory,
  IconCircleDashed,
  IconCreditCard,
  IconFileInvoice,
  IconHistory,
  IconKey,
  IconListDetails,
  IconLock,
  IconMail,
  IconNotebook,
  IconPackage,
  IconReceipt,
  IconRoute,
  IconShieldLock,
  IconShoppingCart,
  IconTemplate,
  IconUsers,
} from "@tabler/icons-react";
import type { Icon } from "@tabler/icons-react";

const BY_WORD: readonly (readonly [RegExp, Icon])[] = [
  [/ledger|journal/, IconNotebook],
  [/invoice/, IconFileInvoice],
  [/intent|card/, IconCreditCard],
  [/payment/, IconReceipt],
  [/account|compan|tenant|supplier|vendor|customer/, IconBuilding],
  [/contact|person|people/, IconAddressBook],
  [/warehouse/, IconBuildingWarehouse],
  [/move|transfer/, IconArrowsExchange],
  [/reservation/, IconLock],
  [/stock|inventor/, IconPackage],
  [/categor/, IconCategory],
  [/product|item|article/, IconBox],
  [/order/, IconShoppingCart],
  [/saga|run|workflow/, IconRoute],
  [/user|employee|member/, IconUsers],
  [/role/, IconShieldLock],
  [/key/, IconKey],
  [/deliver|mail|message/, IconMail],
  [/template/, IconTemplate],
  [/audit|history|log/, IconHistory],
  [/list|entr/, IconListDetails],
];

export function iconOf(collection: string): Icon {
  return BY_WORD.find(([words]) => words.test(collection))?.[1] ?? IconCircleDashed;
}
