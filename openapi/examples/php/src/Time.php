<?php

declare(strict_types=1);

namespace Copilot;

use DateTimeImmutable;
use DateTimeZone;
use UnexpectedValueException;

/** Points in time: milliseconds since 1970 in events, text in what the API returns. */
final class Time
{
    private const FORM = 'Y-m-d\TH:i:s.v\Z';

    /** The last millisecond of the year 9999. */
    private const LAST = 253_402_300_799_999;

    /** How long ago an event may have happened, and how far clocks may differ: the contract's x-time-window. */
    private const PAST = 2_592_000_000;
    private const FUTURE = 300_000;

    /** Now, in milliseconds since 1970. */
    public static function now(): int
    {
        return (int) (microtime(true) * 1000);
    }

    /**
     * Reads what the API writes, such as `2026-11-24T08:30:00.000Z`, as milliseconds since 1970.
     *
     * @throws UnexpectedValueException when it is of another form, or no day of the calendar
     */
    public static function fromUtc(string $text): int
    {
        $time = DateTimeImmutable::createFromFormat('!' . self::FORM, $text, new DateTimeZone('UTC'));
        // The 30th of February is read as the 2nd of March, and written as that again.
        if ($time === false || $time->format(self::FORM) !== $text) {
            throw new UnexpectedValueException('is not of the form 2026-11-24T08:30:00.000Z, or no day');
        }
        return $time->getTimestamp() * 1000 + (int) $time->format('v');
    }

    /**
     * Writes milliseconds since 1970 as the API does.
     *
     * @throws UnexpectedValueException before 1970 or after 9999
     */
    public static function toUtc(int $milliseconds): string
    {
        if ($milliseconds < 0 || $milliseconds > self::LAST) {
            throw new UnexpectedValueException('is before 1970 or after 9999');
        }
        $time = (new DateTimeImmutable('@' . intdiv($milliseconds, 1000)))->modify(($milliseconds % 1000) . ' ms');
        return $time->format(self::FORM);
    }

    /**
     * Returns the time of an event if it may be sent at that moment of the receiver's clock.
     *
     * @throws UnexpectedValueException when it is more than 30 days old or more than 5 minutes ahead
     */
    public static function ofEvent(int $milliseconds, int $now): int
    {
        if ($milliseconds < $now - self::PAST || $milliseconds > $now + self::FUTURE) {
            throw new UnexpectedValueException('is more than 30 days ago, or more than 5 minutes ahead; are these seconds?');
        }
        return $milliseconds;
    }
}
