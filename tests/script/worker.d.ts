// What ui/page/plain/small_pages.py puts before the worker: the page that it shows, and the largest upload.

declare const PAGE: string;
declare const POLICY: string;
declare const LARGEST: number;
