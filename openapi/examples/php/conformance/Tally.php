<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Json;

/** Compares what became of each case with its vector, and writes it into the report if one is asked for. */
final class Tally
{
    private const SHOWN = 20;

    private int $cases = 0;
    private int $skipped = 0;
    private int $differ = 0;

    /** @param resource|null $report */
    public function __construct(private readonly mixed $report)
    {
    }

    /**
     * @param array<string, mixed> $found the line of the report
     * @param array<string, mixed> $expected those of its members that the vector knows
     */
    public function case(string $file, string $name, array $found, array $expected, bool $errorIsRight = false): void
    {
        $this->write($found);
        $this->cases++;
        $right = $errorIsRight && isset($found['error']);
        if ($right || self::equal(array_intersect_key($found, $expected), $expected)) {
            return;
        }
        $this->differ++;
        if ($this->differ <= self::SHOWN) {
            $is = Json::encode($found);
            echo "{$found['part']}, $file, $name: $is instead of " . Json::encode($expected) . "\n";
        }
    }

    /** A case of which PHP cannot read what the vector needs. */
    public function skip(string $file, string $name, string $need): void
    {
        $this->cases++;
        $this->skipped++;
        $this->write(['part' => 'event', 'file' => $file, 'name' => $name, 'skipped' => $need]);
    }

    /** @param array<string, mixed> $line */
    public function write(array $line): void
    {
        if ($this->report !== null) {
            fwrite($this->report, Json::encode($line) . "\n");
        }
    }

    /** Prints the sum, and returns the exit code. */
    public function end(): int
    {
        echo "$this->cases cases, $this->skipped skipped, $this->differ differ\n";
        return $this->differ === 0 ? 0 : 1;
    }

    /** Whether two values are the same JSON, models and all. */
    private static function equal(mixed $one, mixed $other): bool
    {
        return Cases::equal(Json::decode(Json::encode($one)), Json::decode(Json::encode($other)));
    }
}
