<?php

declare(strict_types=1);

namespace Copilot\Conformance;

use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\ConsentChange;
use Copilot\Generated\Model\Event;
use Copilot\Generated\Model\ModelInterface;
use Copilot\Generated\Model\UserCreatedPayload;
use Copilot\Json;
use Copilot\Refusal;
use Error;
use InvalidArgumentException;
use JsonException;
use RuntimeException;
use stdClass;
use TypeError;
use UnexpectedValueException;

/** The events and the changes of consent: each is read into its class, written back, and sent. */
final class Cases
{
    private const BATCH = 250;

    public function __construct(private readonly Setup $setup)
    {
    }

    public function run(): void
    {
        foreach ($this->setup->eventFiles() as $file) {
            $vectors = $this->setup->vectors($file);
            $this->setup->sandbox('POST', 'reset');
            $this->roundTrip($vectors);
            $sent = $this->judged($file, $vectors->cases, Event::class);
            foreach (array_chunk($sent, self::BATCH) as $batch) {
                $this->sendEvents($file, $batch);
            }
        }
        $vectors = $this->setup->vectors('consent.json');
        foreach ($this->judged('consent.json', $vectors->cases, ConsentChange::class) as [$case, $change]) {
            $this->sendAlone('consent.json', $case, $change);
        }
        $this->texts('texts.json');
    }

    /** Texts are sent one by one: what is no JSON to the sandbox sinks all that is sent with it. */
    private function texts(string $file): void
    {
        foreach ($this->setup->vectors($file)->cases as $case) {
            try {
                $case->body = Json::decode($case->text);
                $exact = json_decode($case->text, flags: JSON_BIGINT_AS_STRING);
            } catch (JsonException $unread) {
                $this->refused($file, $case, 'reader', $unread->getMessage());
                continue;
            }
            // json_decode keeps the last member of a name, and makes floats of integers beyond 64 bits.
            $hidden = serialize($exact) === serialize($case->body) ? ['names'] : ['names', 'int64'];
            $skipped = array_intersect($hidden, $case->needs ?? []);
            if ($skipped !== []) {
                $this->setup->tally->skip($file, $case->name, reset($skipped));
                continue;
            }
            $type = $case->operation === 'collect' ? Event::class : ConsentChange::class;
            foreach ($this->judged($file, [$case], $type) as [, $model]) {
                $this->sendAlone($file, $case, $model);
            }
        }
    }

    /** A field that is misspelt has no setter. */
    public function wrongField(): void
    {
        $setter = 'setUtcOffest';
        try {
            (new UserCreatedPayload())->{$setter}('+0100');
            $by = 'none';
        } catch (Error) {
            $by = 'validator';
        }
        $this->setup->tally->write(['part' => 'wrong_field', 'by' => $by]);
    }

    /**
     * Reports the cases that are not sent, and returns the others with what they were read as.
     *
     * @param list<stdClass> $cases
     * @param class-string $type
     * @return list<array{stdClass, ModelInterface}>
     */
    private function judged(string $file, array $cases, string $type): array
    {
        $sent = [];
        foreach ($cases as $case) {
            try {
                $model = Json::read($case->body, $type);
                $faults = Json::faults($model);
                if ($faults !== []) {
                    $this->refused($file, $case, 'validator', $faults[0]);
                } elseif (!self::equal(Json::decode(Json::encode($model)), $case->body)) {
                    $this->refused($file, $case, 'unrepresentable');
                } else {
                    $sent[] = [$case, $model];
                }
            } catch (TypeError | UnexpectedValueException) {
                $this->refused($file, $case, 'types');
            } catch (InvalidArgumentException $refused) {
                $this->refused($file, $case, 'validator', $refused->getMessage());
            }
        }
        return $sent;
    }

    /** @param list<array{stdClass, ModelInterface}> $batch */
    private function sendEvents(string $file, array $batch): void
    {
        $answer = $this->setup->collect->collect((new CollectRequest())->setEvents(array_column($batch, 1)));
        $errors = [];
        foreach ($answer->getInvalidEvents() ?? [] as $refused) {
            $errors[$refused->getIndex()] = (string) $refused->getError();
        }
        foreach ($batch as $at => [$case]) {
            isset($errors[$at]) ? $this->refused($file, $case, 'server', $errors[$at]) : $this->taken($file, $case);
        }
    }

    private function sendAlone(string $file, stdClass $case, ModelInterface $model): void
    {
        try {
            if (!$model instanceof ConsentChange) {
                $this->sendEvents($file, [[$case, $model]]);
                return;
            }
            $this->setup->consent->setConsent($model);
            $this->taken($file, $case);
        } catch (Refusal $thrown) {
            if ($thrown->status !== 400) {
                throw $thrown;
            }
            $this->refused($file, $case, 'server', (string) $thrown->reason);
        }
    }

    /** Sends the contract's own example, and reads what the sandbox got as the class that the discriminator names. */
    private function roundTrip(stdClass $vectors): void
    {
        $named = array_column($vectors->cases, null, 'name');
        $example = $named['as in the contract'] ?? throw new RuntimeException('there is no example');
        $event = Json::read($example->body, Event::class);
        $answer = $this->setup->collect->collect((new CollectRequest())->setEvents([$event]));
        $sent = ($answer->getInvalidEvents() ?? []) === [];
        $got = $this->setup->sandbox('GET', 'events?limit=1')->events[0]->event ?? null;
        $read = Json::read($got, Event::class);
        $same = $read == $event && self::equal($got, $example->body);
        $this->setup->tally->case(
            'round trip',
            $vectors->event_type,
            [
                'part' => 'round_trip',
                'type' => $vectors->event_type,
                'sent' => $sent && $same,
                'read_as' => $read->getModelName(),
            ],
            ['sent' => true, 'read_as' => $this->setup->schema($vectors->event_type)],
        );
    }

    private function taken(string $file, stdClass $case): void
    {
        $this->judge($file, $case, ['valid' => true]);
    }

    private function refused(string $file, stdClass $case, string $by, string $detail = ''): void
    {
        $line = ['valid' => false, 'by' => $by];
        $this->judge($file, $case, $detail === '' ? $line : [...$line, 'detail' => $detail]);
    }

    /** @param array<string, mixed> $verdict */
    private function judge(string $file, stdClass $case, array $verdict): void
    {
        $line = ['part' => 'event', 'file' => $file, 'name' => $case->name, ...$verdict];
        $this->setup->tally->case($file, $case->name, $line, ['valid' => $case->valid]);
    }

    /** Whether two values of decoded JSON are the same, whatever the order of members: 5 and 5.0 are not. */
    public static function equal(mixed $one, mixed $other): bool
    {
        if ($one instanceof stdClass && $other instanceof stdClass) {
            $one = get_object_vars($one);
            $other = get_object_vars($other);
        } elseif (!is_array($one) || !is_array($other)) {
            return $one === $other;
        }
        foreach ($one as $name => $member) {
            if (!array_key_exists($name, $other) || !self::equal($member, $other[$name])) {
                return false;
            }
        }
        return count($one) === count($other);
    }
}
