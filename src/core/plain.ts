// Makes external text (from the cloud, a datagram, a file, the metadata service) safe for a log line: it cannot begin
// another line, control a terminal, or fill a disk.

/** Longest error message. */
export const MESSAGE_MAX_CHARS = 2_000;
/** Longest log line; longer ones are cut. */
export const LINE_MAX_CHARS = 4_000;

/** Control characters (line breaks, terminal escapes), invisible ones, direction changes, and lone surrogates. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** The text on one line: each run of unfit characters becomes a blank, and text beyond `maxChars` an ellipsis. */
export function plain(text: string, maxChars: number): string {
  // Cut first: the text may be as long as a whole answer of the cloud.
  const cut = text.length > maxChars ? text.slice(0, maxChars - 1) : text;
  const clean = cut.replace(UNFIT, " ");
  return cut === text ? clean : `${clean}…`;
}

/**
 * JSON that cannot control a terminal: characters that are unfit for a line are escaped, so a JSON parser still gets
 * them.
 */
export function jsonText(value: unknown, indent?: number): string {
  // JSON itself escapes control characters below the blank; remaining line breaks are its indentation.
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (unfit) => unfit.split("").map(escaped).join(""),
  );
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
