// Whether Postgres answers. Its URL carries a password: no message shows it.
import { SQL } from "bun";

const DEADLINE_SECONDS = 2;

export interface Database {
  /** Resolves to whether the database answered in time. */
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

export function openDatabase(url: string): Database {
  const sql = new SQL(url, { max: 2, connectionTimeout: DEADLINE_SECONDS, idleTimeout: 30 });
  const late = (): Promise<false> => Bun.sleep(DEADLINE_SECONDS * 1000).then(() => false);
  return {
    answers: () =>
      Promise.race([
        sql`select 1`.then(
          () => true,
          () => false,
        ),
        late(),
      ]),
    close: () => sql.close({ timeout: 1 }),
  };
}
