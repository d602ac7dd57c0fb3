// The options by topic, as docs and the manual pages list them.
import { type Option, OPTIONS } from "../../src/options/all.ts";
import { type Group, GROUPS } from "../../src/options/option.ts";

/** Options that belong together. */
export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** All options, grouped. */
export const OPTION_GROUPS: readonly OptionGroup[] = (Object.keys(GROUPS) as Group[]).map((
  group,
) => ({
  title: GROUPS[group].title,
  options: OPTIONS.filter((option) => option.group === group),
}));
