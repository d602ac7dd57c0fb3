// UUIDs as the cloud writes them: 36 characters, compared in lower case.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID (any version, either case). */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
