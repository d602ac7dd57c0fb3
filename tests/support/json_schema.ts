// Checks a value against the part of JSON Schema (2020-12) that our schemas use. An unknown keyword is an error, so
// that no schema says more than is checked.

/** The supported part of a schema. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

const NOTES = new Set(["$schema", "$defs", "title", "description"]);

type Check = (value: unknown, wanted: never, place: Place) => string[];

interface Place {
  readonly path: string;
  readonly schema: Schema;
  readonly root: Schema;
}

/** All violations, each with its path. A field that the schema does not have is a violation, too. */
export function violations(value: unknown, root: Schema): string[] {
  return check(value, { path: "$", schema: root, root });
}

function check(value: unknown, place: Place): string[] {
  return Object.entries(place.schema).flatMap(([keyword, wanted]) => {
    if (NOTES.has(keyword)) return [];
    const test = KEYWORDS[keyword];
    if (!test) throw new Error(`${place.path}: the keyword ${keyword} is not known here`);
    return test(value, wanted as never, place);
  });
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeOf(value) === "object";
}

const KEYWORDS: Readonly<Record<string, Check>> = {
  type(value, wanted: string | string[], { path }) {
    const found = typeOf(value);
    const fits = [wanted].flat().some((each) =>
      each === found || (each === "number" && found === "integer")
    );
    return fits ? [] : [`${path}: is ${found}, wanted ${[wanted].flat().join(" or ")}`];
  },
  const: (value, wanted: unknown, { path }) =>
    value === wanted ? [] : [`${path}: is ${JSON.stringify(value)}, wanted ${wanted}`],
  enum: (value, wanted: unknown[], { path }) =>
    wanted.includes(value) ? [] : [`${path}: ${JSON.stringify(value)} is no word of the list`],
  minimum: (value, wanted: number, { path }) =>
    typeof value === "number" && value < wanted ? [`${path}: ${value} is below ${wanted}`] : [],
  required: (value, wanted: string[], { path }) =>
    isObject(value)
      ? wanted.filter((name) => !(name in value)).map((name) => `${path}: lacks ${name}`)
      : [],
  properties(value, wanted: Record<string, Schema>, place) {
    if (!isObject(value)) return [];
    return Object.entries(value).flatMap(([name, each]) => {
      const path = `${place.path}.${name}`;
      const schema = wanted[name];
      return schema ? check(each, { ...place, path, schema }) : [`${path}: is not in the schema`];
    });
  },
  items: (value, schema: Schema, place) =>
    Array.isArray(value)
      ? value.flatMap((each, index) =>
        check(each, { ...place, path: `${place.path}[${index}]`, schema })
      )
      : [],
  anyOf(value, wanted: Schema[], place) {
    const found = wanted.map((schema) => check(value, { ...place, schema }));
    return found.some(({ length }) => length === 0) ? [] : found.flat();
  },
  $ref(value, wanted: string, place) {
    const { $defs } = place.root as { $defs: Record<string, Schema> };
    const schema = $defs[wanted.replace("#/$defs/", "")];
    if (!schema) throw new Error(`${place.path}: nothing is at ${wanted}`);
    return check(value, { ...place, schema });
  },
};
