// Files without words: what people mostly want of them, one press away.
import { CHOICES } from "../../shared/choices.ts";

type Props = {
  /** Words are there by now. They take the place, so that nothing moves under who writes. */
  readonly isIdle: boolean;
  readonly onChoose: (words: string) => void;
};

export function Choices({ isIdle, onChoose }: Props) {
  return (
    <div class="choices" role="group" aria-label="What to do with the files" data-idle={isIdle}>
      {CHOICES.map(({ title, action, words }) => (
        <button
          key={action}
          type="button"
          class="choice"
          onClick={() => (words === null ? document.getElementById("composer-text")?.focus() : onChoose(words))}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
