import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { unanswered } from "./Live";

test("what failed while the line was down is asked anew, and nothing else", async () => {
  const client = new QueryClient({
    defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY, retry: false } },
  });
  let down = false;
  const asked: string[] = [];
  const ask = (key: string) =>
    client.fetchQuery({
      queryKey: [key],
      queryFn: () => {
        asked.push(key);
        return down ? Promise.reject(new Error("infrakt does not answer")) : Promise.resolve(key);
      },
      staleTime: 0,
    });
  await ask("apps");
  await ask("servers");
  down = true;
  await expect(ask("servers")).rejects.toThrow("does not answer");
  down = false;
  asked.length = 0;
  await client.invalidateQueries({ ...unanswered, refetchType: "all" });
  expect(asked).toEqual(["servers"]);
  expect(client.getQueryState(["servers"])).toMatchObject({ status: "success", data: "servers" });
});
