<?php

declare(strict_types=1);

// Runs the vectors against the sandbox, and compares what becomes of each with what must become of it.

use Copilot\Conformance\Auth;
use Copilot\Conformance\Cases;
use Copilot\Conformance\Responses;
use Copilot\Conformance\Setup;
use Copilot\Conformance\Times;

require __DIR__ . '/autoload.php';

try {
    $setup = Setup::fromEnvironment();
} catch (InvalidArgumentException $wrong) {
    fwrite(STDERR, $wrong->getMessage() . "\n");
    exit(2);
}
$cases = new Cases($setup);
$cases->run();
$cases->wrongField();
(new Auth($setup))->run();
(new Times($setup))->run();
(new Responses($setup))->run();
exit($setup->tally->end());
