import { enLabels } from "./en-labels";
import type { LabelTexts } from "./labels";

export const deLabels: LabelTexts = enLabels;
