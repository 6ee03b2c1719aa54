import { describe, expect, it } from 'vitest';
import { beginning, stretches } from './prose';

describe('code in what people write', () => {
  it('is told from text', () => {
    expect(stretches('try `kubectl get po` first')).toEqual([
      { kind: 'text', text: 'try ' },
      { kind: 'code', text: 'kubectl get po' },
      { kind: 'text', text: ' first' },
    ]);
    expect(stretches('see\n```sh\na `b`\nc\n```\nend')).toEqual([
      { kind: 'text', text: 'see\n' },
      { kind: 'block', text: 'a `b`\nc' },
      { kind: 'text', text: 'end' },
    ]);
  });

  it('goes to the end where its own end is missing', () => {
    expect(stretches('```\na\nb')).toEqual([{ kind: 'block', text: 'a\nb' }]);
  });

  it('is nothing where a backtick stands alone', () => {
    expect(stretches("it's `odd")).toEqual([{ kind: 'text', text: "it's `odd" }]);
    expect(stretches('')).toEqual([]);
  });
});

describe('a long text', () => {
  it('begins with some lines of it', () => {
    expect(beginning('short')).toBeNull();
    expect(beginning('a\n'.repeat(30_000))?.split('\n')).toHaveLength(8);
    expect(beginning('x'.repeat(64_000))).toHaveLength(700);
  });
});
