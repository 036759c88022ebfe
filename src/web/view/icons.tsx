// The page's own icons: 24-px grid, drawn with the text's colour. Decoration only; names stand in text or aria-label.
import type { ComponentChildren } from "preact";

type IconProps = { readonly size?: number };

function icon(children: ComponentChildren) {
  return function Icon({ size = 20 }: IconProps) {
    return (
      <svg
        class="icon"
        width={size}
        height={size}
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        stroke-width="1.75"
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {children}
      </svg>
    );
  };
}

const stroke = (d: string) => icon(<path d={d} />);

export const PlusIcon = stroke("M12 5v14M5 12h14");
export const MenuIcon = stroke("M4 7h16M4 12h16M4 17h10");
export const CloseIcon = stroke("M6 6l12 12M18 6L6 18");
export const ArrowUpIcon = stroke("M12 19V5M6 11l6-6 6 6");
export const ArrowDownIcon = stroke("M12 5v14M6 13l6 6 6-6");
export const ChevronIcon = stroke("M9 6l6 6-6 6");
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.5V12l3 2" />
  </>,
);
export const CheckIcon = stroke("M5 12.5l4.5 4.5L19 7.5");
export const PaperclipIcon = stroke(
  "M20 11.5l-8.2 8.2a5.2 5.2 0 0 1-7.4-7.4l8.6-8.6a3.5 3.5 0 0 1 5 5L9.6 17.1a1.8 1.8 0 0 1-2.6-2.6l7.6-7.5",
);
export const DownloadIcon = stroke("M12 4v11M7 10.5l5 5 5-5M5 20h14");
export const TrashIcon = stroke("M4 7h16M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5");
export const RetryIcon = stroke("M4.5 12a7.5 7.5 0 1 0 2.4-5.5M4.5 4.5v4h4");
export const AlertIcon = stroke(
  "M12 8.5v4.5M12 16.4v.1M10.3 4.2L2.8 17.5A2 2 0 0 0 4.5 20.5h15a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0z",
);
export const SunIcon = icon(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4" />
  </>,
);
export const MoonIcon = stroke("M20 14.2A8.2 8.2 0 1 1 9.8 4a6.6 6.6 0 0 0 10.2 10.2z");
export const ScreenIcon = icon(
  <>
    <rect x="3" y="4.5" width="18" height="12" rx="2" />
    <path d="M9 20.5h6M12 16.5v4" />
  </>,
);
export const SidebarIcon = icon(
  <>
    <rect x="3" y="4.5" width="18" height="15" rx="2.5" />
    <path d="M9.5 4.5v15" />
  </>,
);
export const CopyIcon = icon(
  <>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M5.5 15H5a1.5 1.5 0 0 1-1.5-1.5V5A1.5 1.5 0 0 1 5 3.5h8.5A1.5 1.5 0 0 1 15 5v.5" />
  </>,
);
export const FileIcon = icon(
  <>
    <path d="M13.5 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8.5z" />
    <path d="M13.5 3v5.5H19" />
  </>,
);
export const TableIcon = icon(
  <>
    <rect x="3.5" y="4.5" width="17" height="15" rx="2" />
    <path d="M3.5 9.5h17M3.5 14.5h17M9.5 9.5v10" />
  </>,
);
export const ImageIcon = icon(
  <>
    <rect x="3.5" y="4.5" width="17" height="15" rx="2" />
    <circle cx="8.8" cy="9.5" r="1.5" />
    <path d="M4 17l5-4.5 3.5 3 3-2.5 4.5 4" />
  </>,
);
export const ChartIcon = stroke("M4 4v16h16M8 15.5l3.5-4.5 3 2.5L19.5 7");
export const BarsIcon = stroke("M4 20h16M7 20v-7M12 20V5M17 20v-11");
export const DotsIcon = icon(
  <>
    <path d="M4 4v16h16" />
    <path d="M9 15.5v.01M12 10.5v.01M14 14v.01M16.5 7.5v.01M18.5 11v.01" stroke-width="2.5" />
  </>,
);
export const TerminalIcon = icon(
  <>
    <rect x="3" y="4.5" width="18" height="15" rx="2.5" />
    <path d="M7 9.5l3 2.5-3 2.5M12.5 15h4" />
  </>,
);
export const StopIcon = icon(<rect x="7" y="7" width="10" height="10" rx="2" fill="currentColor" stroke="none" />);
export const ShieldIcon = icon(
  <>
    <path d="M12 3l7.5 2.8v5.4c0 4.6-3 8-7.5 9.8-4.5-1.8-7.5-5.2-7.5-9.8V5.8z" />
    <path d="M8.8 12l2.3 2.3 4.2-4.4" />
  </>,
);
export const CloudIcon = stroke("M7 18.5a4.5 4.5 0 0 1-.6-8.96 6 6 0 0 1 11.5 1.6A3.75 3.75 0 0 1 17.5 18.5z");
export const BoxIcon = stroke("M12 3l8 4.3v9.4L12 21l-8-4.3V7.3zM4.3 7.5L12 11.7l7.7-4.2M12 11.7V21");
export const UploadIcon = stroke("M12 16V5M7 9.5l5-5 5 5M5 20h14");
export const SearchIcon = icon(
  <>
    <circle cx="10.8" cy="10.8" r="6.3" />
    <path d="M15.5 15.5L20 20" />
  </>,
);
export const PhoneIcon = icon(
  <>
    <rect x="6.5" y="2.5" width="11" height="19" rx="2.5" />
    <path d="M11 18.2h2" />
  </>,
);
export const KeyIcon = icon(
  <>
    <circle cx="8" cy="15.5" r="4.5" />
    <path d="M11.4 12.3L20 3.8M16.5 7.3l3 3M13.8 10l2 2" />
  </>,
);
export const PencilIcon = stroke("M4 20l1-4.5L16.2 4.3a2 2 0 0 1 2.8 0l.7.7a2 2 0 0 1 0 2.8L8.5 19z");

/** The bird of the name: round body, long bill, at the water's edge. */
export function Bird({ size = 24 }: IconProps) {
  return (
    <svg class="bird" width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <path
        d="M.9 20.6c2.5-.4 4.2-1.7 5.8-3.7 2.2-2.8 4.9-4.3 8-4.8 1.1-.2 1.7-.9 1.9-2 .5-2.6 2.2-4.2 4.4-4.2 1.8 0 3.2 1 3.8 2.6l7 2.2-6.8-.3c-.1 1.2-.5 2.4-1 3.6-1.7 4.9-5.4 8.3-10.6 8.3-4.4 0-8.3-.1-12.5-1.7z"
        fill="currentColor"
      />
      <path
        d="M12.6 22.3l-.8 4.2 1.2 3.6M16.2 21.9l-.7 4.3 1.5 3.8"
        stroke="currentColor"
        stroke-width="1.3"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
      <path d="M8.6 18.7c2.5.6 5.5.2 8-1.5" class="bird-wing" stroke-width="1.1" stroke-linecap="round" />
      <circle cx="21.6" cy="9" r=".9" class="bird-eye" />
    </svg>
  );
}
