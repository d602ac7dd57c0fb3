// Imported before everything else, so that signals which arrive while the other modules load are not lost. Does nothing
// if main.ts is only part of another program.
import { processSignals } from "./signals.ts";

if (Deno.mainModule === import.meta.resolve("../../main.ts")) processSignals.hear();
