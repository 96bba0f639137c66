// Whether Postgres answers. Its URL carries a password: no message shows it.
import { SQL } from "bun";

const DEADLINE_SECONDS = 2;

export interface Database {
  /** Resolves to whether the database answered in time. */
  answers(): Promise<boolean>;
}

/** Says whether Bun's client takes the URL: one that it refuses would end the manager with a trace. */
export function isDatabaseUrl(url: string): boolean {
  if (!/^postgres(ql)?:\/\/./.test(url)) return false;
  try {
    // nothing is connected before the first query
    void new SQL(url, { max: 1 }).close().catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

export function openDatabase(url: string): Database {
  const connect = (): SQL => new SQL(url, { max: 1, connectionTimeout: DEADLINE_SECONDS, idleTimeout: 30 });
  let sql = connect();
  const asked = async (): Promise<boolean> => {
    try {
      await sql`select 1`;
      return true;
    } catch {
      return false;
    }
  };
  const late = (): Promise<boolean> => Bun.sleep(DEADLINE_SECONDS * 1000).then(() => false);
  return {
    async answers() {
      const inTime = await Promise.race([asked(), late()]);
      if (!inTime) {
        // a connection whose other end is gone would stay silent after the database is back
        void sql.close({ timeout: 0 }).catch(() => undefined);
        sql = connect();
      }
      return inTime;
    },
  };
}
