/** Structured log lines: the data first, then a static message. Pino fits; so does a test's list. */
export type Logger = {
  info(data: object, message: string): void;
  warn(data: object, message: string): void;
  error(data: object, message: string): void;
};
