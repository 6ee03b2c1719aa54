import { describe, expect, it } from 'vitest';
import { errorText, stepText } from './monitoring';

describe('words of a probe', () => {
  it('are told to people, also those that a newer server says', () => {
    expect(errorText('not_connected')).toBe('No connection');
    expect(errorText('quota_spent')).toBe('quota spent');
    expect(stepText('tls')).toBe('TLS');
    expect(stepText('dance')).toBe('dance');
  });
});
