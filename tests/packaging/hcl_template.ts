// A template as OpenTofu's templatefile() renders it, as far as the module's needs it: values, indent(), if and for. A
// test with the real program shows that both do the same.

/** The value of each name. */
export type TemplateValues = Readonly<
  Record<string, string | boolean | Readonly<Record<string, string>>>
>;

/** A part of a template: `$${`, a directive, a value, or text. */
const PART =
  /(?<escape>\$\$\{)|%\{ (?<directive>[^}]+?) (?<strips>~)?\}(?<line>\n)?|\$\{(?<value>[^}]+)\}/g;

/** Renders it. Throws for what it does not know. */
export function rendered(template: string, values: TemplateValues): string {
  const parts: Array<string | { readonly directive: string }> = [];
  let end = 0;
  for (const found of template.matchAll(PART)) {
    const { escape, directive, strips, line = "", value } = found.groups ?? {};
    parts.push(template.slice(end, found.index));
    end = found.index + found[0].length;
    if (escape) parts.push("${");
    else if (directive) parts.push({ directive }, strips ? "" : line);
    else parts.push({ directive: `= ${value}` });
  }
  parts.push(template.slice(end));
  const [text, rest] = block(parts, values);
  if (rest.length > 0) throw new Error("a directive ends that has not begun");
  return text;
}

type Parts = readonly (string | { readonly directive: string })[];

/** The text up to the end of the block, and what follows. */
function block(parts: Parts, values: TemplateValues): [text: string, rest: Parts] {
  let text = "", rest = parts;
  while (rest.length > 0) {
    const [first = "", ...others] = rest;
    rest = others;
    if (typeof first === "string") {
      text += first;
      continue;
    }
    const [word, ...words] = first.directive.split(" ");
    if (/^end(if|for)$/.test(word ?? "")) return [text, rest];
    if (word === "=") text += valueOf(words.join(" "), values);
    else if (word === "if") {
      const [inner, after] = block(rest, values);
      if (holds(words.join(" "), values)) text += inner;
      rest = after;
    } else if (first.directive === "for name, value in options") {
      for (const [name, value] of Object.entries(values.options ?? {}).toSorted()) {
        text += block(rest, { ...values, name, value })[0];
      }
      rest = block(rest, { ...values, name: "", value: "" })[1];
    } else throw new Error(`unknown directive: ${first.directive}`);
  }
  return [text, []];
}

function holds(condition: string, values: TemplateValues): boolean {
  return condition.split(" || ").some((each) => {
    const name = each.replace(/ != ""$/, "");
    return each === name ? values[name] === true : valueOf(name, values) !== "";
  });
}

function valueOf(expression: string, values: TemplateValues): string {
  const [, inner = ""] = /^indent\(4, (\w+)\)$/.exec(expression) ?? [];
  if (inner) return valueOf(inner, values).replaceAll("\n", "\n    ");
  const value = values[expression];
  if (typeof value !== "string") throw new Error(`no text in ${expression}`);
  return value;
}
