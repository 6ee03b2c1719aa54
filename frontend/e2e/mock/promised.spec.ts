import { expect, test, type Locator, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

const overview = (query: string) => `/p/${PROJECT}${query}`;
const numbers = (page: Page) => page.getByRole('region', { name: 'Numbers' });

/** Opens what a number is made of, which are as many. */
async function opensAsMany(page: Page, link: Locator): Promise<number> {
  const count = Number((await link.innerText()).match(/\d+/)?.[0]);
  await link.click();
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
  await settled(page);
  const rows = page.getByRole('table', { name: 'Incidents' }).locator('tbody tr[aria-rowindex]');
  await expect(rows).toHaveCount(count);
  return count;
}

test('as many open incidents are listed as are counted, whenever they were opened', async ({ page }) => {
  await page.goto(overview('?range=1h'));
  expect(await opensAsMany(page, numbers(page).getByRole('link', { name: /open incidents$/ }))).toBeGreaterThan(1);
  await page.goto(overview('?range=1h'));
  expect(await opensAsMany(page, numbers(page).getByRole('link', { name: /SEV2/ }))).toBeGreaterThan(0);
});

test('as many resolved incidents are listed as are counted, also such as were opened before the range', async ({ page }) => {
  // An incident of the seed was opened 27 hours ago, and resolved within the next two.
  await page.goto(overview('?from=now-1605m&to=now'));
  expect(await opensAsMany(page, numbers(page).getByRole('link', { name: /resolved$/ }))).toBeGreaterThan(0);
  await expect(page.getByRole('radio', { name: 'Resolved then' })).toBeChecked();
  await page.getByRole('radiogroup', { name: 'Time range of' }).getByText('Opened then').click();
  await expect(page.getByText('No incident matches')).toBeVisible();
  await page.getByRole('button', { name: 'Show all incidents' }).or(page.getByRole('link', { name: 'Show all incidents' })).click();
  await expect(page).not.toHaveURL(/from=/);
  await expect(page.getByRole('table', { name: 'Incidents' })).toBeVisible();
});

test('mean times lead to the incidents that they are of', async ({ page }) => {
  await page.goto(overview('?range=30d'));
  await numbers(page).getByRole('link', { name: /time to resolve: show these incidents$/ }).click();
  await expect(page).toHaveURL(/range=30d/);
  await expect(page.getByRole('radio', { name: 'Resolved then' })).toBeChecked();
  await page.goto(overview('?range=30d'));
  await numbers(page).getByRole('link', { name: /time to acknowledge: show these incidents$/ }).click();
  await expect(page.getByRole('radio', { name: 'All', exact: true })).toBeChecked();
});

test('the history of a thing is all of it', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/api-keys?range=1h`);
  await page.getByRole('link', { name: 'History' }).first().click();
  await expect(page.getByRole('button', { name: 'Time range: All time' })).toBeVisible();
});
