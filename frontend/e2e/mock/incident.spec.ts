import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => {
  await logIn(page);
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /KubePodCrashLooping/ }).click();
  await settled(page);
});

const current = (page: Page) => page.getByRole('list', { name: 'Progress' }).locator('[aria-current="step"]');

test('an incident goes from detected to learned by its one filled button', async ({ page }) => {
  const walk = [
    ['Acknowledge', 'Acknowledged'],
    ['Start investigating', 'Investigating'],
    ['Mark mitigated', 'Mitigated'],
    ['Resolve', 'Resolved'],
    ['Mark learned', 'Learned'],
  ] as const;
  for (const [button, status] of walk) {
    await page.getByRole('button', { name: button }).click();
    await expect(current(page)).toContainText(status);
  }
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Reopen' }).click();
  await expect(current(page)).toContainText('Investigating');
  await expect(page.getByRole('list', { name: 'Timeline' })).toContainText('reopened it');
});

test('steps may be skipped, and the stepper says so', async ({ page }) => {
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Resolve' }).click();
  await expect(current(page)).toContainText('Resolved');
  await expect(page.getByRole('list', { name: 'Progress' })).toContainText('skipped');
});

test('title, severity, assignee and comments are changed in place', async ({ page }) => {
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Title').fill('Recommendations crash after the rebuild');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Recommendations crash after the rebuild');

  await page.getByRole('button', { name: 'Severity: SEV3' }).click();
  await page.getByRole('menuitem', { name: /SEV1/ }).click();
  await expect(page.getByRole('button', { name: 'Severity: SEV1' })).toBeVisible();

  await page.getByRole('button', { name: 'Assignee: Unassigned' }).click();
  await page.getByRole('menuitem', { name: 'Assign to me' }).click();
  await expect(page.getByRole('button', { name: 'Assignee: Mira Lindqvist' })).toBeVisible();

  await page.keyboard.press('m');
  await page.getByLabel('Comment').fill('Image 41 lacks libssl.');
  await page.keyboard.press('Control+Enter');
  const timeline = page.getByRole('list', { name: 'Timeline' });
  await expect(timeline).toContainText('Image 41 lacks libssl.');
  await expect(timeline).toContainText('changed severity from SEV3 to SEV1');
  await expect(page.getByLabel('Comment')).toHaveValue('');
});

test('it merges into another incident and points there', async ({ page }) => {
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Merge into…' }).click();
  await page.getByRole('combobox', { name: 'Merge into' }).fill('Checkout');
  await page.getByRole('option', { name: /Checkout answers 502/ }).click();
  await page.getByRole('button', { name: 'Merge INC-160' }).click();
  await expect(page.getByText('Merged into another incident')).toBeVisible();
  await page.getByRole('link', { name: 'Go to the incident that goes on' }).click();
  await expect(page.getByRole('heading', { name: /Checkout answers 502/ })).toBeVisible();
});

test('an incident that is asked for by its key follows what is done to it', async ({ page }) => {
  const byId = page.url();
  await page.goto(`/p/${PROJECT}/incidents/INC-160`);
  await expect(page).toHaveURL(new RegExp(`/incidents/${byId.match(/incidents\/([0-9a-f-]+)/)?.[1]}`));
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(current(page)).toContainText('Acknowledged');
});

test('an incident of another project is not found', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents/01981f00-0000-7000-8000-ffffffffffff`);
  await expect(page.getByRole('alert')).toContainText('It does not exist, or it belongs to another project');
});

test('declaring opens the incident', async ({ page }) => {
  await page.keyboard.press('c');
  await page.getByLabel('What is wrong?').fill('Invoices are missing');
  await page.getByRole('button', { name: 'Declare incident' }).click();
  await expect(page.getByRole('heading', { name: 'Invoices are missing' })).toBeVisible();
  await expect(current(page)).toContainText('Detected');
});

test('an alert leads to its runbook, its query, and the lines and traces of its service at that time', async ({ page }) => {
  const from = page.getByRole('navigation', { name: /^From / }).first();
  await expect(from.getByRole('link', { name: /^Runbook/ })).toHaveAttribute('href', /^https:\/\/runbooks\.example\.net\//);
  await expect(from.getByRole('link', { name: 'Metrics' })).toHaveAttribute('href', /\/metrics\?.*a=up/);
  await expect(from.getByRole('link', { name: /^Traces of/ })).toHaveAttribute('href', /\/traces\?.*service=.*/);
  await from.getByRole('link', { name: /^Logs of/ }).click();
  await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/from=.*to=.*service=|service=.*from=.*to=/);
});

test('the palette takes steps of the incident that is open, once they are named', async ({ page }) => {
  await page.keyboard.press('Control+k');
  const box = page.getByPlaceholder('Search incidents, jump, act…');
  await box.fill('acknowledge');
  await page.getByRole('button', { name: /^Acknowledge: INC-\d+$/ }).click();
  await expect(current(page)).toContainText('Acknowledged');
  await page.keyboard.press('Control+k');
  await box.fill('assign to me');
  await page.getByRole('button', { name: /^Assign to me: INC-\d+$/ }).click();
  await expect(page.getByRole('button', { name: 'Assignee: Mira Lindqvist' })).toBeVisible();
});

test('an incident leads to what was measured, written and traced around its beginning', async ({ page }) => {
  const around = page.getByRole('navigation', { name: 'Around this incident' });
  await expect(around.getByRole('link', { name: 'Logs' })).toHaveAttribute('href', /from=.*service=recommendations|service=recommendations.*from=/);
  await around.getByRole('link', { name: 'Traces' }).click();
  await expect(page.getByRole('heading', { name: 'Traces', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/from=[^&]+&to=|to=[^&]+&from=/);
});

test('an address in a comment is a link', async ({ page }) => {
  await page.getByLabel('Comment').fill('Graph: https://grafana.example.net/d/1.');
  await page.getByRole('button', { name: 'Comment' }).click();
  await expect(page.getByRole('list', { name: 'Timeline' }).getByRole('link', { name: /grafana/ })).toHaveAttribute('href', 'https://grafana.example.net/d/1');
});
