<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Time;
use TypeError;
use UnexpectedValueException;

/** Points in time: text to milliseconds, and the time of an event to text. */
final class Times
{
    public function __construct(private readonly Setup $setup)
    {
    }

    public function run(): void
    {
        $vectors = $this->setup->vectors('timestamps.json');
        foreach ($vectors->utc as $case) {
            $this->report($case->name, static fn (): array => ['epoch_ms' => Time::fromUtc($case->text)]);
        }
        foreach ($vectors->epoch as $case) {
            $text = static fn (): string => Time::toUtc(Time::ofEvent($case->value, $vectors->now));
            $this->report($case->name, static fn (): array => ['text' => $text()]);
        }
    }

    /** @param \Closure(): array<string, int|string> $read */
    private function report(string $name, \Closure $read): void
    {
        try {
            $outcome = $read();
        } catch (TypeError | UnexpectedValueException) {
            $outcome = ['refused' => true];
        }
        $this->setup->report(['part' => 'time', 'name' => $name, ...$outcome]);
    }
}
