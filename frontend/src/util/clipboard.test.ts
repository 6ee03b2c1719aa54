import { afterEach, expect, it } from 'vitest';
import { toClipboard } from './clipboard';

afterEach(() => {
  Reflect.deleteProperty(document, 'execCommand');
  document.body.innerHTML = '';
});

it('copies the older way where the browser offers no clipboard, and gives the focus back', async () => {
  const copied: string[] = [];
  document.execCommand = () => {
    const field = document.activeElement;
    if (field instanceof HTMLTextAreaElement) copied.push(field.value);
    return true;
  };
  document.body.innerHTML = '<button>Copy</button>';
  const button = document.querySelector('button');
  button?.focus();
  await expect(toClipboard('srec_key')).resolves.toBe(true);
  expect(copied).toEqual(['srec_key']);
  expect(document.activeElement).toBe(button);
  expect(document.querySelector('textarea')).toBeNull();
});

it('says so where it cannot be done', async () => {
  document.execCommand = () => false;
  await expect(toClipboard('srec_key')).resolves.toBe(false);
});
