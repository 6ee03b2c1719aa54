import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';
import { fail } from './failing';

test.beforeEach(async ({ page }) => {
  await logIn(page);
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /KubePodCrashLooping/ }).click();
  await settled(page);
});

const comments = (page: Page, text: string) => page.getByRole('list', { name: 'Timeline' }).getByText(text, { exact: true });

test('a half-written comment is there after a look at the logs, and after loading the page anew', async ({ page }) => {
  await page.getByLabel('Comment').fill('It began with the');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
  await page.goBack();
  await expect(page.getByLabel('Comment')).toHaveValue('It began with the');
  await page.reload();
  await expect(page.getByLabel('Comment')).toHaveValue('It began with the');
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /Checkout answers 502/ }).click();
  await expect(page.getByLabel('Comment')).toHaveValue('');
});

test('what is typed while a comment is under way stays', async ({ page }) => {
  await fail(page, { on: '/comments', times: 0, how: 503, afterMs: 1_500 });
  await page.getByLabel('Comment').fill('First.');
  await page.keyboard.press('Control+Enter');
  await page.getByLabel('Comment').press('End');
  await page.keyboard.type(' Second');
  await expect(comments(page, 'First.')).toBeVisible();
  await expect(page.getByLabel('Comment')).toHaveValue('Second');
});

test('two presses within a frame are one comment', async ({ page }) => {
  await page.getByLabel('Comment').fill('Only once');
  await page.getByLabel('Comment').evaluate((input: HTMLTextAreaElement) => {
    input.form?.requestSubmit();
    input.form?.requestSubmit();
  });
  await expect(comments(page, 'Only once')).toBeVisible();
  await expect(page.getByLabel('Comment')).toHaveValue('');
  await expect(comments(page, 'Only once')).toHaveCount(1);
});

test('a rename that fails keeps what was written', async ({ page }) => {
  await fail(page, { on: '/title', times: 1, how: 503 });
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Title').fill('Recommendations crash');
  await page.keyboard.press('Enter');
  await expect(page.getByText('what has arrived is not done twice')).toBeVisible();
  await expect(page.getByLabel('Title')).toHaveValue('Recommendations crash');
  await page.getByLabel('Title').press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Recommendations crash');
});

test('a rename by somebody else meanwhile is shown beside one’s own', async ({ page }) => {
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Title').fill('Mine');
  // The mock announces it as the server does, so that the page knows the newer version while the title is written.
  await page.evaluate(async () => {
    const id = window.location.pathname.split('/').at(-1);
    const body = JSON.stringify({ title: 'Theirs' });
    await fetch(`/api/v1/incidents/${id}/title`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body });
  });
  await expect(page).toHaveTitle(/Theirs/);
  await page.getByLabel('Title').press('Enter');
  await expect(page.getByText('Somebody renamed it while you were writing')).toBeVisible();
  await expect(page.getByText(/It is .*Theirs.* now/)).toBeVisible();
  await expect(page.getByLabel('Title')).toHaveValue('Mine');
  await page.getByRole('button', { name: 'Save mine' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Mine');
});

test('a half-declared incident is there after a look elsewhere, and gone once it was cancelled or declared', async ({ page }) => {
  const declare = `/p/${PROJECT}/incidents/new`;
  await page.goto(declare);
  await page.getByLabel('What is wrong?').fill('Invoices are missing');
  await page.getByRole('radio', { name: /SEV1/ }).check();
  await page.getByLabel('What do you know so far?').fill('Since 02:10.');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click();
  await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
  await page.goto(declare);
  await expect(page.getByLabel('What is wrong?')).toHaveValue('Invoices are missing');
  await expect(page.getByRole('radio', { name: /SEV1/ })).toBeChecked();
  await expect(page.getByLabel('What do you know so far?')).toHaveValue('Since 02:10.');
  await page.getByRole('button', { name: 'Declare incident' }).click();
  await expect(page.getByRole('heading', { name: 'Invoices are missing', level: 1 })).toBeVisible();
  await page.goto(declare);
  await expect(page.getByLabel('What is wrong?')).toHaveValue('');
  await page.getByLabel('What is wrong?').fill('Nothing after all');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.goto(declare);
  await expect(page.getByLabel('What is wrong?')).toHaveValue('');
});
