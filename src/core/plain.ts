// Words of others (the cloud, a datagram, a file, the metadata service) made fit for a line of ours: nothing in them
// can begin another line, steer a terminal, or fill a disk.

/** Longest message of an error. */
export const MESSAGE_MAX_CHARS = 2_000;
/** Longest line of the log; whoever writes more is cut. */
export const LINE_MAX_CHARS = 4_000;

/** Controls, such as line breaks and the escape of terminals; what is invisible or turns the direction; halves. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;

/** The text on one line, every run of unfit characters a blank, cut to that many characters with an ellipsis. */
export function plain(text: string, maxChars: number): string {
  // What will not be shown is not looked at either: the text may be as long as an answer.
  const cut = text.length > maxChars ? text.slice(0, maxChars - 1) : text;
  const clean = cut.replace(UNFIT, " ");
  return cut === text ? clean : `${clean}…`;
}

/**
 * As JSON in which nothing steers a terminal either: characters that are unfit for a line are written as escapes, and
 * reach whoever reads the JSON all the same.
 */
export function jsonText(value: unknown, indent?: number): string {
  // What is below the blank JSON escapes itself; line breaks are its own, where it is indented.
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (unfit) => unfit.split("").map(escaped).join(""),
  );
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
