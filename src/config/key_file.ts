// Contents of --api-secret-file: the secret alone, or key and secret together as JSON. Such JSON is the answer of
// `assume-iam-role`, whose key expires at a given time, or the file of Exoscale's cloud controller manager.
import type { Credentials } from "../exoscale/signature.ts";

/** Names of each member; the first that is present counts. */
const NAMES = {
  apiKey: ["key", "api_key", "api-key"],
  secret: ["secret", "api_secret", "api-secret"],
  expires: ["expires-at", "expires_at"],
};

/** A key, where the file has one, and the secret, which may be empty. */
export type KeyFile = Partial<Pick<Credentials, "apiKey" | "expiresAtMs">> & {
  readonly secret: string;
};

/** Whether to read the file as JSON: no secret begins like that. */
export function isKeyFile(text: string): boolean {
  return text.trimStart().startsWith("{");
}

/** Parses the text. Throws an error that names the problem and quotes nothing of the text. */
export function parseKeyFile(text: string): KeyFile {
  if (!isKeyFile(text)) return { secret: text.trim() };
  let file: Record<string, unknown>;
  try {
    file = JSON.parse(text);
  } catch {
    throw new Error("begins like JSON and is not valid JSON");
  }
  const find = (names: readonly string[]) => names.map((name) => file[name]).find(Boolean);
  const [apiKey, secret, expires] = [NAMES.apiKey, NAMES.secret, NAMES.expires].map(find);
  if (typeof apiKey !== "string" || typeof secret !== "string") {
    throw new Error('has no texts "key" and "secret" (or "api_key" and "api_secret")');
  }
  if (expires === undefined) return { apiKey, secret };
  const expiresAtMs = typeof expires === "string" ? Date.parse(expires) : NaN;
  if (Number.isNaN(expiresAtMs)) {
    throw new Error(
      'has an "expires-at" that is not a date, wanted one such as 2026-01-02T15:04:05Z',
    );
  }
  return { apiKey, secret, expiresAtMs };
}
