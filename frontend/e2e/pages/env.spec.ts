// Variables that are not on the server as they are here: marked for as long as that is so, however the page is left and opened.
import type { Page } from "@playwright/test";
import { expect, onSample, open } from "./support/test";

const row = (page: Page, key: string) =>
  page.getByRole("table", { name: "variables of web" }).getByRole("row", { name: key });

onSample("what is not deployed is marked, also when the page is opened anew", async ({ page }) => {
  await open(page, "/apps/prod-1/web/env");
  const set = async (value: string) => {
    await row(page, "FEATURE_CARTS").getByRole("button", { name: "edit" }).click();
    await page.getByRole("dialog").getByLabel("Value", { exact: true }).fill(value);
    await page.getByRole("dialog").getByRole("button", { name: "Set" }).click();
    await expect(page.getByRole("dialog")).toHaveCount(0);
  };
  for (const loaded of [false, true]) {
    if (loaded) await page.reload();
    await expect(page.getByText("3 changes are not deployed.")).toBeVisible();
    await expect(row(page, "APP_NAME")).toContainText("added");
    await expect(row(page, "FEATURE_CARTS")).toContainText("changed");
    await expect(row(page, "MAIL_HOST")).toContainText("removed");
    await expect(row(page, "APP_URL")).not.toContainText(/added|changed|removed/);
  }
  await expect(row(page, "MAIL_HOST").getByRole("button"), "there is nothing to do with it").toHaveCount(0);
  // As it is on the server.
  await set("off");
  await expect(page.getByText("2 changes are not deployed.")).toBeVisible();
  await expect(row(page, "FEATURE_CARTS")).not.toContainText("changed");
  await set("on");
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("link", { name: "Environment" }).click();
  await expect(page.getByText("3 changes are not deployed.")).toBeVisible();
});

onSample("changes that a job brings are said to be on the way, and are not offered again", async ({ page }) => {
  await page.route(/\/env-changes\?/, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...((await answer.json()) as object), job_id: 415 } });
  });
  await open(page, "/apps/prod-1/web/env");
  await expect(page.getByText("3 changes are on the way.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Deploy to apply" })).toHaveCount(0);
  await page.getByRole("link", { name: "#415" }).first().click();
  await expect(page).toHaveURL(/\/jobs\/415$/);
});
