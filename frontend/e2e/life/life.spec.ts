// An app's whole life through the page alone: a new home, a real server, and one document from the sign-in to the end.
import { readFile } from "node:fs/promises";
import {
  asked,
  deployBranch,
  ends,
  expect,
  followed,
  go,
  goToApp,
  isJob,
  line,
  log,
  main,
  place,
  SITE,
  state,
  steps,
  test,
  visit,
} from "./world";

test.describe.configure({ mode: "serial" });

test.afterEach(async ({ tab, infrakt }, info) => {
  if (info.status === info.expectedStatus) {
    expect(await tab.evaluate(() => "sameDocument" in window), "the page was never loaded anew").toBe(true);
    return;
  }
  const seen = await tab.locator("body").ariaSnapshot();
  const said = infrakt.said.split("\n").filter((one) => !one.includes("http.status="));
  process.stderr.write(`\n${tab.url()}\n${seen}\n\ninfrakt said:\n${said.join("\n")}\n`);
});

test("a server is added by its form, after its host key was shown and agreed to", async ({ tab, server }) => {
  await expect(tab.getByRole("heading", { level: 1, name: "From nothing to a running app" })).toBeVisible();
  await expect(line(tab)).toHaveText("live");
  await tab.getByLabel("Name", { exact: true }).fill("life");
  await tab.getByLabel("Host").fill(server.host);
  await tab.getByLabel("Port").fill("ssh");
  await tab.getByLabel("Key file").fill(server.key);
  await tab.getByRole("button", { name: "Add server" }).click();
  await expect(tab.getByLabel("Port"), "what is wrong is said at its field").toHaveAttribute("aria-invalid", "true");
  await expect(tab.getByLabel("Host")).toHaveValue(server.host);
  await tab.getByLabel("Port").fill(String(server.port));
  await tab.getByRole("button", { name: "Add server" }).click();

  const question = tab.getByRole("region", { name: "Is this your server?" });
  await expect(question).toContainText("ssh-ed25519");
  const fingerprint = (await question.locator(".firstkey .strong").textContent()) ?? "";
  const keys = await server.exec("for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done");
  expect(fingerprint).toMatch(/^SHA256:/);
  expect(keys).toContain(fingerprint);
  await question.getByRole("button", { name: "No" }).click();
  await expect(tab.getByLabel("Port"), "what was typed is still there").toHaveValue(String(server.port));
  await expect(tab.getByRole("heading", { level: 1, name: "From nothing to a running app" })).toBeVisible();
  await tab.getByRole("button", { name: "Add server" }).click();
  await expect(question).toContainText(fingerprint);
  await question.getByRole("button", { name: "Yes, add it" }).click();

  await tab.locator(".toasts").getByRole("link", { name: "life" }).click();
  await expect(tab.getByRole("heading", { level: 1, name: "life" })).toBeVisible();
  await expect(main(tab)).toContainText(`root@${server.host}:${server.port}`);
  const shown = main(tab).locator(".meta code[title^='SHA256:']");
  await expect(shown, "the key that was agreed to is the pinned one").toHaveAttribute("title", fingerprint);
});

test("it is provisioned, step by step in sight", async ({ tab }) => {
  await tab.getByRole("button", { name: "Provision", exact: true }).click();
  const dialog = tab.getByRole("dialog", { name: "Provision life" });
  const job = await asked(tab, () => dialog.getByRole("button", { name: "Provision" }).click());
  await isJob(tab, "provision life", job);
  await expect(steps(tab).filter({ hasText: ", running" })).toHaveCount(1);
  await expect(state(tab)).toHaveText("running");
  await ends(tab, "done");
  await expect(steps(tab)).toHaveCount(8);
  await expect(steps(tab).filter({ hasText: /, (done|already so)/ })).toHaveCount(8);
  await main(tab).getByRole("link", { name: "life" }).click();
  await expect(state(tab)).toHaveText("active");
  await expect(main(tab).getByRole("img", { name: /^Memory: \d+ percent$/ })).toBeVisible();
});

test("an app is created and deployed, and opens by the link on its page", async ({ tab }) => {
  await place(tab, "Dashboard").click();
  await tab.getByRole("button", { name: "New app" }).click();
  await tab.getByLabel("Name", { exact: true }).fill("web");
  await expect(tab.getByLabel("Server", { exact: true })).toHaveValue("life");
  await tab.getByLabel("Repository").fill("git://127.0.0.1/hello.git");
  await tab.getByLabel("Port of the container").fill("8080");
  await tab.getByLabel("Domains").fill(SITE);
  await tab.getByText("Health and limits").click();
  await tab.getByLabel("Health path").fill("/up");
  await tab.getByRole("button", { name: "Create app" }).click();

  await expect(tab.getByRole("heading", { level: 1, name: "Dashboard" })).toBeVisible();
  await main(tab).getByRole("link", { name: "web", exact: true }).click();
  await expect(main(tab)).toContainText("never deployed");
  await followed(tab, "deploy web", () => tab.getByRole("button", { name: "Deploy", exact: true }).click());
  await expect(log(tab).locator(".ln").first()).toBeVisible();
  await ends(tab, "done");
  await expect(steps(tab)).toHaveText([
    /^fetch, done/,
    /^build, done/,
    /^start, done/,
    /^health, done/,
    /^route, done/,
  ]);

  await goToApp(tab);
  await expect(state(tab)).toHaveText("running");
  await expect(main(tab)).toContainText("second version");
  await expect(tab.getByRole("table", { name: "containers" }).getByRole("row").nth(1)).toContainText("running");
  const opened = tab.context().waitForEvent("page");
  await main(tab).getByRole("link", { name: SITE }).first().click();
  const app = await opened;
  await expect(app.locator("body")).toHaveText("hello git-v2");
  await app.close();
});

test("a variable is set, and reaches the app with the next deploy", async ({ tab }) => {
  const value = `two words # and "quotes", $HOME`;
  expect(await visit(tab, "/env/GREETING")).toBe("status 404");
  await goToApp(tab, "Environment");
  await tab.getByLabel("Key", { exact: true }).fill("GREETING");
  await tab.getByLabel("Value", { exact: true }).fill(value);
  await tab.getByRole("button", { name: "Set", exact: true }).click();
  const row = tab.getByRole("table", { name: "variables of web" }).getByRole("row", { name: "GREETING" });
  await expect(row).toContainText("added");
  await expect(row, "it is masked until it is asked for").not.toContainText("two words");
  await expect(main(tab)).toContainText("1 change is not deployed.");
  expect(await visit(tab, "/env/GREETING"), "nothing reaches the app before a deploy").toBe("status 404");
  await goToApp(tab);
  await goToApp(tab, "Environment");
  await expect(row, "it stays marked for as long as it is so").toContainText("added");

  await followed(tab, "deploy web", () => tab.getByRole("button", { name: "Deploy to apply" }).click());
  await ends(tab, "done");
  expect(await visit(tab, "/env/GREETING")).toBe(value);
  await goToApp(tab, "Environment");
  await expect(main(tab)).not.toContainText("not deployed.");
  await expect(row).not.toContainText("added");
  await tab.getByRole("button", { name: "reveal GREETING" }).click();
  await expect(row).toContainText(value);
});

test("a deploy that fails says where and why, and the version before goes on serving", async ({ tab }) => {
  const job = await deployBranch(tab, "broken");
  await ends(tab, "failed");
  await expect(main(tab).getByRole("heading", { name: /^build failed with exit code \d+: ./ })).toBeVisible();
  await expect(steps(tab).filter({ hasText: /^build/ })).toContainText("failed");
  await expect(steps(tab).filter({ hasText: /^start/ })).toContainText("not run");
  await expect(log(tab), "the log stands at what went wrong").toContainText("this build is broken");
  await expect(tab.getByRole("button", { name: "Retry" })).toBeVisible();

  await go(tab, "Dashboard");
  await expect(main(tab).getByRole("listitem").filter({ hasText: "See why" })).toContainText(`deploy web #${job}`);
  await goToApp(tab, "Deployments");
  const rows = tab.getByRole("table", { name: "deployments" }).getByRole("row");
  await expect(rows).toHaveCount(4);
  await expect(rows.nth(1)).toContainText("failed");
  await expect(rows.nth(1)).not.toContainText("serves");
  await expect(rows.nth(2)).toContainText("serves");
  await expect(state(tab)).toHaveText("running");
  expect(await visit(tab, "/")).toBe("hello git-v2");
});

test("a deploy that runs is cancelled, and nothing of it goes on", async ({ tab, server }) => {
  await deployBranch(tab, "slow");
  await expect(log(tab)).toContainText(/tick \d/, { timeout: 60_000 });
  await expect(state(tab)).toHaveText("running");
  await tab.getByRole("button", { name: "Cancel" }).click();
  await ends(tab, "cancelled");
  await expect(steps(tab).filter({ hasText: /^build/ })).toContainText("cancelled");
  const builds = () => server.exec("pgrep -fa 'docker[ -]buil|[e]cho tick' || echo none");
  await expect.poll(builds, "the build is over").toBe("none");

  await goToApp(tab, "Deployments");
  await expect(tab.getByRole("table", { name: "deployments" }).getByRole("row").nth(1)).toContainText("cancelled");
  await expect(state(tab)).toHaveText("running");
  await expect(tab.getByRole("banner").getByRole("button", { name: "queue: nothing runs" })).toBeVisible();
  expect(await visit(tab, "/")).toBe("hello git-v2");
});

test("where infrakt is killed in a deploy the page says so, and shows the truth when it is back", async ({
  tab,
  infrakt,
}) => {
  await deployBranch(tab, "next");
  await ends(tab, "done");
  expect(await visit(tab, "/")).toBe("hello git-next");

  const job = await deployBranch(tab, "slow");
  await expect(log(tab)).toContainText(/tick \d/, { timeout: 60_000 });
  await infrakt.kill9();
  await expect(line(tab)).toHaveText(/^reconnecting \(\d+ s\)$/);
  await expect(main(tab)).toContainText("the line is down");
  await tab.getByRole("button", { name: "Cancel" }).click();
  await expect(tab.locator(".toasts"), "what could not be asked for is not said to be done").toContainText(
    "infrakt does not answer",
  );
  await infrakt.restart();
  await expect(line(tab)).toHaveText("live");
  await expect(state(tab)).toHaveText("running");
  await expect(main(tab)).toContainText(/following, \d+ lines/);

  // Once more, for so long that nobody may take what is shown for fresh; on a page that was never opened before.
  await infrakt.kill9();
  await place(tab, "Settings").click();
  await expect(main(tab).getByRole("alert")).toContainText("The list of keys did not come.");
  await expect(line(tab)).toHaveText(/^offline since \d\d:\d\d, showing what was known$/);
  await infrakt.restart();
  await expect(line(tab)).toHaveText("live");
  await expect(main(tab), "it is asked anew without being told to").toContainText("No key beside the first");
  await expect(main(tab).getByRole("alert")).toHaveCount(0);

  await go(tab, "Jobs");
  await main(tab)
    .getByRole("link", { name: `deploy web #${job}` })
    .first()
    .click();
  await ends(tab, "done");
  await expect(steps(tab)).toHaveText([
    /^fetch, done/,
    /^build, done/,
    /^start, done/,
    /^health, done/,
    /^route, done/,
  ]);
  await expect(steps(tab).filter({ hasText: /run \d/ }), "no step ran twice").toHaveCount(0);
  await expect(tab.getByRole("heading", { name: "Who ran it" })).toBeVisible();
  const download = tab.waitForEvent("download");
  await tab.getByRole("button", { name: "download the log" }).click();
  const text = await readFile(await (await download).path(), "utf8");
  const ticks = [...text.matchAll(/ tick (\d+)$/gm)].map((match) => Number(match[1]));
  expect(ticks, "no line is lost or doubled").toEqual(Array.from({ length: 30 }, (_, i) => i + 1));

  await goToApp(tab);
  await expect(main(tab)).toContainText("a build that takes long");
  expect(await visit(tab, "/")).toBe("hello git-v2");
});

test("the app is destroyed by typing its name, and the server is forgotten", async ({ tab, server }) => {
  await goToApp(tab, "Settings");
  await tab.getByRole("button", { name: "Destroy…" }).click();
  const dialog = tab.getByRole("alertdialog", { name: "Destroy web on life?" });
  const destroy = dialog.getByRole("button", { name: "Destroy web" });
  await dialog.getByRole("textbox").fill("wep");
  await expect(destroy).toBeDisabled();
  await dialog.getByRole("textbox").fill("web");
  const job = await asked(tab, () => destroy.click());
  await isJob(tab, "destroy web", job);
  await ends(tab, "done");
  expect(await server.exec("docker ps -aq --filter label=infrakt.app")).toBe("");
  expect(await visit(tab, "/")).not.toContain("hello");
  await go(tab, "Apps");
  await expect(main(tab)).toContainText("No app yet");

  await go(tab, "Servers");
  await tab.getByRole("table", { name: "servers" }).getByRole("link", { name: "life", exact: true }).click();
  await tab.getByRole("button", { name: "more actions" }).click();
  await tab.getByRole("menuitem", { name: "Remove…" }).click();
  const remove = tab.getByRole("alertdialog", { name: "Remove life?" });
  await remove.getByRole("textbox").fill("life");
  await remove.getByRole("button", { name: "Remove life" }).click();
  await expect(tab.getByRole("heading", { level: 1, name: "Servers" })).toBeVisible();
  await expect(main(tab)).toContainText("No server yet");
});
